# category: alternating-parts, two-optimizers
"""Attention learns at even steps and everything else at odd ones; each part has its own optimizer."""

import torch
import torch.nn as nn
import torch.nn.functional as F

SENTENCE = "one looks around while the other rests"


class Tokenizer:
    def __init__(self, text):
        self.chars = sorted(set(text))

    def encode(self, text):
        return [self.chars.index(c) for c in text]

    def decode(self, ids):
        return "".join(self.chars[i] for i in ids)


class Attention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = (t.view(B, T, self.heads, -1).transpose(1, 2) for t in self.qkv(x).split(C, dim=-1))
        att = (q @ k.transpose(-2, -1)) / (C // self.heads) ** 0.5
        att = att.masked_fill(torch.ones(T, T, dtype=torch.bool).triu(1), float("-inf"))
        return self.proj((att.softmax(-1) @ v).transpose(1, 2).reshape(B, T, C))


class Block(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.ln_1, self.attn = nn.LayerNorm(dim), Attention(dim, heads)
        self.ln_2 = nn.LayerNorm(dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class GPT(nn.Module):
    def __init__(self, vocab_size, block_size=128, dim=64, heads=4, depth=2):
        super().__init__()
        self.block_size = block_size
        self.wte, self.wpe = nn.Embedding(vocab_size, dim), nn.Embedding(block_size, dim)
        self.blocks = nn.Sequential(*(Block(dim, heads) for _ in range(depth)))
        self.ln_f, self.head = nn.LayerNorm(dim), nn.Linear(dim, vocab_size)

    def forward(self, idx):
        x = self.wte(idx) + self.wpe(torch.arange(idx.size(1)))
        return self.head(self.ln_f(self.blocks(x)))


def train(text, steps=40, lr=4e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = GPT(len(tokenizer.chars))
    named = dict(model.named_parameters())
    looking = [p for name, p in named.items() if ".attn." in name]
    thinking = [p for name, p in named.items() if ".attn." not in name]
    turns = [torch.optim.AdamW(looking, lr=lr), torch.optim.AdamW(thinking, lr=lr)]
    idx = torch.tensor([tokenizer.encode(text)])
    losses = []
    for step in range(steps):
        model.zero_grad()  # of both parts: the one that rests has a gradient too
        loss = F.cross_entropy(model(idx)[0, :-1], idx[0, 1:])
        loss.backward()
        turns[step % 2].step()
        losses.append(loss.item())
    return model, tokenizer, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    idx = torch.tensor([tokenizer.encode(prompt)])
    for _ in range(max_new_tokens):
        idx = torch.cat([idx, model(idx[:, -model.block_size :])[:, -1].argmax(-1, keepdim=True)], dim=1)
    return tokenizer.decode(idx[0].tolist())


if __name__ == "__main__":
    model, tokenizer, losses = train(SENTENCE)
    print(f"{losses[0]:.3f} -> {losses[-1]:.3f}")
    print(generate(model, tokenizer, SENTENCE[:8], len(SENTENCE) - 8))
