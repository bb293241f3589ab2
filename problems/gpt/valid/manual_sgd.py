# category: manual-sgd, zero-grad-by-hand
"""Gradient descent written out: p -= lr * p.grad, and the gradient set to zero in place."""

import math

import torch
import torch.nn.functional as F
from torch import nn


class Tokenizer:
    def __init__(self, text):
        self.chars = sorted(set(text))

    def encode(self, text):
        return [self.chars.index(c) for c in text]

    def decode(self, ids):
        return "".join(self.chars[i] for i in ids)


class Attention(nn.Module):
    def __init__(self, C, H):
        super().__init__()
        self.H = H
        self.kqv = nn.Linear(C, 3 * C)
        self.proj = nn.Linear(C, C)

    def forward(self, x):
        B, T, C = x.shape
        k, q, v = self.kqv(x).split(C, dim=2)
        heads = (B, T, self.H, C // self.H)
        k, q, v = k.view(heads).transpose(1, 2), q.view(heads).transpose(1, 2), v.view(heads).transpose(1, 2)
        a = q @ k.transpose(2, 3) / math.sqrt(C // self.H)
        a = a.masked_fill(torch.ones(T, T).tril().logical_not(), -math.inf)
        a = torch.softmax(a, dim=-1)
        return self.proj((a @ v).transpose(1, 2).reshape(B, T, C))


class Block(nn.Module):
    def __init__(self, C, H):
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(C), nn.LayerNorm(C)
        self.attn = Attention(C, H)
        self.fc, self.back = nn.Linear(C, 4 * C), nn.Linear(4 * C, C)

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.back(F.gelu(self.fc(self.ln_2(x))))


class GPT(nn.Module):
    def __init__(self, V, block_size=128, C=64, H=4, L=1):
        super().__init__()
        self.block_size = block_size
        self.wte = nn.Embedding(V, C)
        self.wpe = nn.Parameter(torch.normal(0.0, 0.1, (block_size, C)))
        self.h = nn.ModuleList([Block(C, H) for _ in range(L)])
        self.ln_f = nn.LayerNorm(C)
        self.head = nn.Linear(C, V)

    def forward(self, idx):
        x = self.wte(idx) + self.wpe[: idx.shape[1]]
        for block in self.h:
            x = block(x)
        return self.head(self.ln_f(x))


def train(text, steps=130, lr=0.25, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = GPT(len(tokenizer.chars))
    ids = torch.tensor(tokenizer.encode(text))
    losses = []
    for _ in range(steps):
        logits = model(ids[None])[0]
        loss = F.cross_entropy(logits[:-1], ids[1:])
        loss.backward()
        with torch.no_grad():
            for p in model.parameters():
                p -= lr * p.grad
                p.grad.zero_()
        losses.append(loss.item())
    return model, tokenizer, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    ids = tokenizer.encode(prompt)
    for _ in range(max_new_tokens):
        ids += [model(torch.tensor([ids[-model.block_size :]]))[0, -1].argmax().item()]
    return tokenizer.decode(ids)


if __name__ == "__main__":
    sentence = "follow the gradient and mind the step"
    model, tokenizer, losses = train(sentence)
    for i, loss in enumerate(losses):
        if not i % 34:
            print(f"{i:4d} {loss:.4f}")
    print(generate(model, tokenizer, sentence[:8], len(sentence) - 8))
