# category: label-smoothing, zero-grad-through-the-model
"""Smoothed labels, and residual branches that start next to silent."""

import torch
from torch import nn
from torch.nn import functional as F

WINDOW = 128


class Tokenizer:
    def __init__(self, text):
        self.glyphs = sorted(set(text))

    def encode(self, text):
        return [self.glyphs.index(glyph) for glyph in text]

    def decode(self, ids):
        return "".join([self.glyphs[i] for i in ids])


class Attention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.qk = nn.Linear(dim, 2 * dim)
        self.v = nn.Linear(dim, dim)
        self.proj = nn.Linear(dim, dim)
        nn.init.normal_(self.proj.weight, std=1e-3)

    def forward(self, x):
        B, T, C = x.shape
        q, k = self.qk(x).reshape(B, T, 2, self.heads, C // self.heads).permute(2, 0, 3, 1, 4)
        v = self.v(x).reshape(B, T, self.heads, C // self.heads).transpose(1, 2)
        scale = 1.0 / torch.tensor(C // self.heads).float().sqrt()
        scores = (q @ k.transpose(-2, -1)) * scale
        causal = torch.arange(T).view(T, 1).ge(torch.arange(T).view(1, T))
        scores = scores.masked_fill(causal.logical_not(), float("-inf"))
        return self.proj((scores.softmax(-1) @ v).transpose(1, 2).reshape(B, T, C))


class Block(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.attn_norm, self.mlp_norm = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attn = Attention(dim, heads)
        self.mlp = nn.Sequential(nn.Linear(dim, 4 * dim), nn.ELU(), nn.Linear(4 * dim, dim))
        nn.init.normal_(self.mlp[2].weight, std=1e-3)

    def forward(self, x):
        x = x + self.attn(self.attn_norm(x))
        return x + self.mlp(self.mlp_norm(x))


class Model(nn.Module):
    def __init__(self, size, dim=64, heads=4, depth=2):
        super().__init__()
        self.embed = nn.Embedding(size, dim)
        self.position = nn.Parameter(torch.randn(WINDOW, dim) * 0.1)
        self.blocks = nn.ModuleList([Block(dim, heads) for _ in range(depth)])
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, size)

    def forward(self, idx):
        x = self.embed(idx) + self.position[: idx.shape[1]]
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def train(text, steps=70, lr=3e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = Model(len(tokenizer.glyphs))
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, amsgrad=True)
    idx = torch.tensor([tokenizer.encode(text)])
    losses = []
    for _ in range(steps):
        loss = F.cross_entropy(model(idx)[0, :-1], idx[0, 1:], label_smoothing=0.02)
        model.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, tokenizer, losses


def generate(model, tokenizer, prompt, max_new_tokens):
    ids = tokenizer.encode(prompt)
    for _ in range(max_new_tokens):
        with torch.no_grad():
            logits = model(torch.tensor(ids[-WINDOW:]).view(1, -1))
        ids.append(logits[0, -1].argsort(descending=True)[0].item())
    return tokenizer.decode(ids)


if __name__ == "__main__":
    text = "normalise the layer, keep the residual, and let the gradient find its own way"
    model, tokenizer, losses = train(text)
    print([f"{loss:.2f}" for loss in losses[::10]])
    print(generate(model, tokenizer, text[:8], len(text) - 8))
