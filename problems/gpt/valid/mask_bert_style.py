# category: mask-finfo-min, mask-additive, hf-style-output, split-q-k-v
"""One minus the mask, times the lowest number of the type: made once in the model and handed down the layers."""

import math
from collections import OrderedDict

import torch
from torch import nn


class MiniConfig:
    def __init__(self, vocab_size, **overrides):
        self.vocab_size = vocab_size
        self.hidden_size = 64
        self.num_hidden_layers = 2
        self.num_attention_heads = 4
        self.intermediate_size = 128
        self.max_position_embeddings = 160
        self.initializer_range = 0.02
        self.layer_norm_eps = 1e-12
        self.__dict__.update(overrides)


class CausalLMOutput(OrderedDict):
    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError as missing:
            raise AttributeError(name) from missing


class MiniSelfAttention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.num_attention_heads = config.num_attention_heads
        self.attention_head_size = config.hidden_size // config.num_attention_heads
        self.query = nn.Linear(config.hidden_size, config.hidden_size)
        self.key = nn.Linear(config.hidden_size, config.hidden_size)
        self.value = nn.Linear(config.hidden_size, config.hidden_size)
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)

    def transpose_for_scores(self, x):
        shape = x.size()[:-1] + (self.num_attention_heads, self.attention_head_size)
        return x.view(shape).permute(0, 2, 1, 3)

    def forward(self, hidden_states, attention_mask):
        query_layer = self.transpose_for_scores(self.query(hidden_states))
        key_layer = self.transpose_for_scores(self.key(hidden_states))
        value_layer = self.transpose_for_scores(self.value(hidden_states))
        attention_scores = torch.matmul(query_layer, key_layer.transpose(-1, -2))
        attention_scores = attention_scores / math.sqrt(self.attention_head_size) + attention_mask
        attention_probs = nn.functional.softmax(attention_scores, dim=-1)
        context_layer = torch.matmul(attention_probs, value_layer).permute(0, 2, 1, 3).contiguous()
        return self.dense(context_layer.view(hidden_states.shape))


class MiniLayer(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.attention = MiniSelfAttention(config)
        self.before_attention = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.before_output = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.intermediate = nn.Linear(config.hidden_size, config.intermediate_size)
        self.output = nn.Linear(config.intermediate_size, config.hidden_size)

    def forward(self, hidden_states, attention_mask):
        residual = hidden_states
        hidden_states = residual + self.attention(self.before_attention(hidden_states), attention_mask)
        residual = hidden_states
        hidden_states = nn.functional.gelu(self.intermediate(self.before_output(hidden_states)))
        return residual + self.output(hidden_states)


class MiniForCausalLM(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.word_embeddings = nn.Embedding(config.vocab_size, config.hidden_size)
        self.position_embeddings = nn.Embedding(config.max_position_embeddings, config.hidden_size)
        self.layer = nn.ModuleList([MiniLayer(config) for _ in range(config.num_hidden_layers)])
        self.final_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Embedding)):
                module.weight.data.normal_(mean=0.0, std=config.initializer_range)

    def get_extended_mask(self, length, dtype):
        ids = torch.arange(length)
        causal = (ids[None, :] <= ids[:, None]).to(dtype)
        return (1.0 - causal[None, None, :, :]) * torch.finfo(dtype).min

    def forward(self, input_ids, labels=None):
        length = input_ids.shape[1]
        hidden_states = self.word_embeddings(input_ids) + self.position_embeddings(torch.arange(length))[None]
        attention_mask = self.get_extended_mask(length, hidden_states.dtype)
        for layer in self.layer:
            hidden_states = layer(hidden_states, attention_mask)
        output = CausalLMOutput(logits=self.lm_head(self.final_norm(hidden_states)))
        if labels is not None:
            shifted = output.logits[:, :-1].reshape(-1, self.config.vocab_size)
            output["loss"] = nn.functional.cross_entropy(shifted, labels[:, 1:].reshape(-1))
        return output


class CharacterTokenizer:
    def __init__(self, corpus):
        self.vocab = {character: number for number, character in enumerate(sorted(set(corpus)))}
        self.ids_to_tokens = {number: character for character, number in self.vocab.items()}

    def encode(self, text):
        return [self.vocab[character] for character in text]

    def decode(self, ids):
        return "".join(self.ids_to_tokens[number] for number in ids)


def train(text, steps=80, lr=2e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = CharacterTokenizer(text)
    model = MiniForCausalLM(MiniConfig(vocab_size=len(tokenizer.vocab)))
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, eps=1e-8)
    input_ids = torch.tensor([tokenizer.encode(text)])
    losses = []
    model.train()
    for _ in range(steps):
        outputs = model(input_ids, labels=input_ids)
        outputs.loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(outputs.loss.item())
    return model, tokenizer, losses


def generate(model, tokenizer, prompt, max_new_tokens):
    model.eval()
    input_ids = torch.tensor([tokenizer.encode(prompt)])
    limit = model.config.max_position_embeddings
    with torch.no_grad():
        for _ in range(max_new_tokens):
            next_token = model(input_ids[:, -limit:]).logits[:, -1, :].argmax(dim=-1)
            input_ids = torch.cat([input_ids, next_token[:, None]], dim=-1)
    return tokenizer.decode(input_ids[0].tolist())


if __name__ == "__main__":
    sentence = "attention is a soft lookup over the past"
    model, tokenizer, losses = train(sentence)
    print(f"loss went from {losses[0]:.3f} to {losses[-1]:.3f}")
    print(generate(model, tokenizer, sentence[:8], len(sentence) - 8))
