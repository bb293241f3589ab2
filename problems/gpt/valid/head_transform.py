# category: head-with-transform, hf-style-output
"""The head of BERT on a causal model: a dense map, GELU and a norm before the scores."""

from typing import NamedTuple

import torch
import torch.nn as nn
import torch.nn.functional as F


class Tokenizer:
    def __init__(self, text):
        self.chars = sorted(set(text))
        self.stoi = {ch: i for i, ch in enumerate(self.chars)}
        self.itos = dict(enumerate(self.chars))

    def encode(self, text):
        return [self.stoi[ch] for ch in text]

    def decode(self, ids):
        return "".join(self.itos[i] for i in ids)


class Config(NamedTuple):
    vocab_size: int
    n_positions: int = 128
    n_embd: int = 64
    n_head: int = 4
    n_layer: int = 2


class SelfAttention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.num_heads = config.n_head
        self.query = nn.Linear(config.n_embd, config.n_embd)
        self.key = nn.Linear(config.n_embd, config.n_embd)
        self.value = nn.Linear(config.n_embd, config.n_embd)
        self.dense = nn.Linear(config.n_embd, config.n_embd)

    def transpose_for_scores(self, x):
        return x.view(*x.shape[:-1], self.num_heads, -1).permute(0, 2, 1, 3)

    def forward(self, x):
        q = self.transpose_for_scores(self.query(x))
        k = self.transpose_for_scores(self.key(x))
        v = self.transpose_for_scores(self.value(x))
        scores = torch.matmul(q, k.transpose(-1, -2)) / q.size(-1) ** 0.5
        extended_mask = torch.ones(x.size(1), x.size(1)).tril()[None, None]
        scores = scores + (1.0 - extended_mask) * -10000.0
        context = torch.matmul(nn.Softmax(dim=-1)(scores), v)
        return self.dense(context.permute(0, 2, 1, 3).flatten(2))


class Layer(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.attention_norm, self.attention = nn.LayerNorm(config.n_embd), SelfAttention(config)
        self.intermediate_norm = nn.LayerNorm(config.n_embd)
        self.intermediate = nn.Linear(config.n_embd, 4 * config.n_embd)
        self.output = nn.Linear(4 * config.n_embd, config.n_embd)

    def forward(self, x):
        x = x + self.attention(self.attention_norm(x))
        return x + self.output(F.gelu(self.intermediate(self.intermediate_norm(x))))


class PredictionHead(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.dense = nn.Linear(config.n_embd, config.n_embd)
        self.layer_norm = nn.LayerNorm(config.n_embd)
        self.decoder = nn.Linear(config.n_embd, config.vocab_size)

    def forward(self, x):
        return self.decoder(self.layer_norm(F.gelu(self.dense(x))))


class CausalModel(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.word_embeddings = nn.Embedding(config.vocab_size, config.n_embd)
        self.position_embeddings = nn.Embedding(config.n_positions, config.n_embd)
        self.layer = nn.ModuleList([Layer(config) for _ in range(config.n_layer)])
        self.cls = PredictionHead(config)

    def forward(self, input_ids):
        x = self.word_embeddings(input_ids)
        x = x + self.position_embeddings(torch.arange(input_ids.size(1)))
        for layer in self.layer:
            x = layer(x)
        return self.cls(x)


def train(text, steps=40, lr=3e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = CausalModel(Config(len(tokenizer.chars)))
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    data = torch.tensor(tokenizer.encode(text))
    x, y = data[:-1].unsqueeze(0), data[1:].unsqueeze(0)
    losses = []
    for _ in range(steps):
        logits = model(x)
        loss = F.cross_entropy(logits.view(-1, logits.size(-1)), y.view(-1))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, tokenizer, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    model.eval()
    idx = torch.tensor([tokenizer.encode(prompt)])
    for _ in range(max_new_tokens):
        logits = model(idx[:, -model.config.n_positions :])
        idx = torch.cat([idx, logits[:, -1].argmax(-1, keepdim=True)], dim=1)
    return tokenizer.decode(idx[0].tolist())


TEXT = "think once more before you speak"

if __name__ == "__main__":
    model, tokenizer, losses = train(TEXT)
    print("losses:", *(round(loss, 3) for loss in losses[::15]), round(losses[-1], 4))
    print("text:", generate(model, tokenizer, TEXT[:8], len(TEXT) - 8))
