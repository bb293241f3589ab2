# category: relative-bias
"""Positions as a learned bias for each head and distance, added to the scores; nothing is added to the tokens."""

import torch
import torch.nn as nn
import torch.nn.functional as F


class Tokenizer:
    def __init__(self, text):
        self.symbols = sorted(set(text))

    def encode(self, text):
        return [self.symbols.index(s) for s in text]

    def decode(self, ids):
        return "".join(self.symbols[i] for i in ids)


class RelativeAttention(nn.Module):
    def __init__(self, dim, heads, reach):
        super().__init__()
        self.heads = heads
        self.bias = nn.Embedding(reach, heads)  # distance 0 .. reach - 1
        self.inner = nn.Linear(dim, 3 * dim, bias=False)
        self.outer = nn.Linear(dim, dim, bias=False)

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = self.inner(x).view(B, T, 3, self.heads, C // self.heads).permute(2, 0, 3, 1, 4)
        distance = torch.arange(T)[:, None] - torch.arange(T)[None, :]  # (T, T)
        bias = self.bias(distance.clamp(min=0)).permute(2, 0, 1)  # (H, T, T)
        scores = q @ k.transpose(-1, -2) * (C // self.heads) ** -0.5 + bias
        scores = scores.masked_fill(distance < 0, float("-inf"))
        return self.outer((scores.softmax(-1) @ v).transpose(1, 2).reshape(B, T, C))


class Block(nn.Module):
    def __init__(self, dim, heads, reach):
        super().__init__()
        self.norm_1 = nn.LayerNorm(dim)
        self.attention = RelativeAttention(dim, heads, reach)
        self.norm_2 = nn.LayerNorm(dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 4 * dim), nn.ReLU(), nn.Linear(4 * dim, dim))

    def forward(self, x):
        x = x + self.attention(self.norm_1(x))
        return x + self.mlp(self.norm_2(x))


class RelativeLM(nn.Module):
    def __init__(self, vocab, dim=64, heads=4, depth=2, reach=128):
        super().__init__()
        self.reach = reach
        self.embedding = nn.Embedding(vocab, dim)
        self.blocks = nn.Sequential(*[Block(dim, heads, reach) for _ in range(depth)])
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, vocab)

    def forward(self, idx):
        return self.head(self.norm(self.blocks(self.embedding(idx))))


def train(text, steps=40, lr=4e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = RelativeLM(len(tokenizer.symbols))
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    idx = torch.tensor([tokenizer.encode(text)])
    losses = []
    for _ in range(steps):
        logits = model(idx)
        loss = F.cross_entropy(logits[:, :-1].flatten(0, 1), idx[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, tokenizer, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    idx = torch.tensor([tokenizer.encode(prompt)])
    for _ in range(max_new_tokens):
        logits = model(idx[:, -model.reach :])
        idx = torch.cat([idx, logits[:, -1].argmax(dim=-1, keepdim=True)], dim=1)
    return tokenizer.decode(idx[0].tolist())


if __name__ == "__main__":
    text = "follow the gradient and mind the step"
    model, tokenizer, losses = train(text)
    print(f"{losses[0]:.3f} -> {losses[-1]:.3f}")
    print(generate(model, tokenizer, text[:8], len(text) - 8))
