# category: head-in-pieces
"""Small GPT whose loss is computed in chunks, so that the logits of the whole text are never in memory at once."""

import math

import torch
from torch import nn
from torch.nn import functional as F

SENTENCE = "attention is a soft lookup over the past"


class CharTokenizer:
    def __init__(self, text):
        self.chars = sorted(set(text))
        self.ids = {c: i for i, c in enumerate(self.chars)}

    def encode(self, text):
        return [self.ids[c] for c in text]

    def decode(self, ids):
        return "".join(self.chars[i] for i in ids)


class SelfAttention(nn.Module):
    def __init__(self, width, heads, context):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.register_buffer("allowed", torch.tril(torch.ones(context, context)).bool())

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = self.qkv(x).view(B, T, 3, self.heads, C // self.heads).permute(2, 0, 3, 1, 4)
        att = q @ k.transpose(-1, -2) / math.sqrt(k.size(-1))
        att = att.masked_fill(~self.allowed[:T, :T], -math.inf)
        y = F.softmax(att, dim=-1) @ v
        return self.proj(y.transpose(1, 2).reshape(B, T, C))


class Block(nn.Module):
    def __init__(self, width, heads, context):
        super().__init__()
        self.norm_1 = nn.LayerNorm(width)
        self.attention = SelfAttention(width, heads, context)
        self.norm_2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.SiLU(), nn.Linear(4 * width, width))

    def forward(self, x):
        x = x + self.attention(self.norm_1(x))
        return x + self.mlp(self.norm_2(x))


class GPT(nn.Module):
    def __init__(self, vocab_size, width=64, heads=4, layers=2, context=128):
        super().__init__()
        self.context = context
        self.embed = nn.Embedding(vocab_size, width)
        self.position = nn.Parameter(0.02 * torch.randn(context, width))
        self.blocks = nn.ModuleList([Block(width, heads, context) for _ in range(layers)])
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocab_size)
        nn.init.normal_(self.embed.weight, std=0.02)

    def features(self, idx):
        x = self.embed(idx) + self.position[: idx.size(1)]
        for block in self.blocks:
            x = block(x)
        return self.norm(x)

    def forward(self, idx):
        return self.head(self.features(idx))


def chunked_loss(model, idx, chunk=16):
    """Next-character cross-entropy; the head runs on `chunk` positions at a time."""
    features = model.features(idx[:, :-1])
    targets = idx[:, 1:]
    total, count = 0.0, 0
    for h, y in zip(features.split(chunk, dim=1), targets.split(chunk, dim=1)):
        total = total + F.cross_entropy(model.head(h).flatten(0, 1), y.flatten(), reduction="sum")
        count += y.numel()
    return total / count


def train(text, steps=60, lr=4e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = CharTokenizer(text)
    model = GPT(len(tokenizer.chars))
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    idx = torch.tensor([tokenizer.encode(text)])
    losses = []
    for _ in range(steps):
        loss = chunked_loss(model, idx)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, tokenizer, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    model.eval()
    idx = torch.tensor([tokenizer.encode(prompt)])
    for _ in range(max_new_tokens):
        h = model.features(idx[:, -model.context :])[:, -1]
        idx = torch.cat((idx, model.head(h).argmax(-1, keepdim=True)), dim=1)
    return tokenizer.decode(idx[0].tolist())


if __name__ == "__main__":
    model, tokenizer, losses = train(SENTENCE)
    print(f"{losses[0]:.4f} -> {losses[-1]:.4f}")
    print(generate(model, tokenizer, SENTENCE[:8], len(SENTENCE) - 8))
