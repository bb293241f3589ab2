# category: sdpa-with-mask, hf-style-output, loss-in-forward, dict-configuration
"""The fused attention with a boolean mask; forward takes labels, shifts them itself and returns a dict."""

import torch
from torch import nn
import torch.nn.functional as F


class Tokens:
    def __init__(self, text):
        self.id_of = {}
        for ch in sorted(text):
            self.id_of.setdefault(ch, len(self.id_of))
        self.char_of = {v: k for k, v in self.id_of.items()}

    def encode(self, text):
        return [self.id_of[ch] for ch in text]

    def decode(self, ids):
        return "".join(self.char_of[i] for i in ids)


class DecoderLayer(nn.Module):
    def __init__(self, config):
        super().__init__()
        hidden = config["hidden_size"]
        self.num_heads = config["num_heads"]
        self.input_layernorm = nn.LayerNorm(hidden)
        self.q_proj = nn.Linear(hidden, hidden)
        self.k_proj = nn.Linear(hidden, hidden)
        self.v_proj = nn.Linear(hidden, hidden)
        self.o_proj = nn.Linear(hidden, hidden)
        self.post_attention_layernorm = nn.LayerNorm(hidden)
        self.fc_in = nn.Linear(hidden, config["intermediate_size"])
        self.fc_out = nn.Linear(config["intermediate_size"], hidden)

    def attend(self, hidden_states, mask):
        shape = (*hidden_states.shape[:2], self.num_heads, -1)
        query = self.q_proj(hidden_states).view(shape).transpose(1, 2)
        key = self.k_proj(hidden_states).view(shape).transpose(1, 2)
        value = self.v_proj(hidden_states).view(shape).transpose(1, 2)
        context = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return self.o_proj(context.transpose(1, 2).flatten(2))

    def forward(self, hidden_states, mask):
        hidden_states = hidden_states + self.attend(self.input_layernorm(hidden_states), mask)
        residual = hidden_states
        hidden_states = self.post_attention_layernorm(hidden_states)
        hidden_states = self.fc_out(F.gelu(self.fc_in(hidden_states)))
        return residual + hidden_states


class ModelForCausalLM(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embed_tokens = nn.Embedding(config["vocab_size"], config["hidden_size"])
        self.embed_positions = nn.Embedding(config["max_positions"], config["hidden_size"])
        self.layers = nn.ModuleList([DecoderLayer(config) for _ in range(config["num_layers"])])
        self.final_norm = nn.LayerNorm(config["hidden_size"])
        self.lm_head = nn.Linear(config["hidden_size"], config["vocab_size"], bias=False)
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Embedding)):
                module.weight.data.normal_(0.0, config["initializer_range"])

    def forward(self, input_ids, labels=None):
        length = input_ids.shape[1]
        position_ids = torch.arange(length).expand_as(input_ids)
        hidden_states = self.embed_tokens(input_ids) + self.embed_positions(position_ids)
        mask = torch.tril(torch.ones(length, length, dtype=torch.bool))
        for layer in self.layers:
            hidden_states = layer(hidden_states, mask)
        output = {"logits": self.lm_head(self.final_norm(hidden_states))}
        if labels is not None:
            shift_logits = output["logits"][..., :-1, :].contiguous()
            shift_labels = labels[..., 1:].contiguous()
            output["loss"] = F.cross_entropy(
                shift_logits.view(-1, shift_logits.size(-1)), shift_labels.view(-1)
            )
        return output


def train(text, steps=40, lr=4e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokens(text)
    config = {
        "vocab_size": len(tokenizer.id_of),
        "hidden_size": 64,
        "intermediate_size": 256,
        "num_layers": 2,
        "num_heads": 8,
        "max_positions": 128,
        "initializer_range": 0.02,
    }
    model = ModelForCausalLM(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.0)
    input_ids = torch.tensor([tokenizer.encode(text)])
    losses = []
    for _ in range(steps):
        output = model(input_ids, labels=input_ids)
        output["loss"].backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(output["loss"].item())
    return model, tokenizer, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    input_ids = torch.tensor([tokenizer.encode(prompt)])
    window = model.config["max_positions"]
    for _ in range(max_new_tokens):
        next_logits = model(input_ids[:, -window:])["logits"][:, -1]
        input_ids = torch.cat([input_ids, next_logits.argmax(-1)[:, None]], dim=-1)
    return tokenizer.decode(input_ids[0].tolist())


if __name__ == "__main__":
    sentence = "read the curve before you read the code"
    model, tokenizer, losses = train(sentence)
    for step in range(0, len(losses), 15):
        print({"step": step, "loss": round(losses[step], 4)})
    print(generate(model, tokenizer, sentence[:8], len(sentence) - 8))
