# category: line-search, manual-sgd, autograd-grad
"""Gradient descent that tries a step, halves it until the loss falls enough, and is bolder after a success."""

import torch
from torch import nn
from torch.nn import functional as F

SENTENCE = "try a step, halve it, try again"


class Tokenizer:
    def __init__(self, text):
        self.chars = sorted(set(text))

    def encode(self, text):
        return [self.chars.index(c) for c in text]

    def decode(self, ids):
        return "".join(self.chars[i] for i in ids)


class GPT(nn.Module):
    def __init__(self, vocab, dim=64, heads=4, context=128):
        super().__init__()
        self.heads, self.context = heads, context
        self.wte = nn.Embedding(vocab, dim)
        self.wpe = nn.Parameter(torch.randn(context, dim) * 0.3)
        self.norm_a, self.norm_m, self.norm_f = nn.LayerNorm(dim), nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))
        self.head = nn.Linear(dim, vocab)

    def attend(self, x):
        B, T, C = x.shape
        q, k, v = (t.view(B, T, self.heads, -1).transpose(1, 2) for t in self.qkv(x).split(C, -1))
        scores = q @ k.mT / (C // self.heads) ** 0.5
        scores = scores.masked_fill(torch.ones(T, T).triu(1) == 1, -torch.inf)
        return self.proj((scores.softmax(-1) @ v).transpose(1, 2).flatten(2))

    def forward(self, idx):
        x = self.wte(idx) + self.wpe[: idx.size(1)]
        x = x + self.attend(self.norm_a(x))
        x = x + self.mlp(self.norm_m(x))
        return self.head(self.norm_f(x))


def train(text, steps=90, lr=0.5, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = GPT(len(tokenizer.chars))
    ids = torch.tensor(tokenizer.encode(text))
    weights = list(model.parameters())

    def loss_now():
        return F.cross_entropy(model(ids[None, :-1])[0], ids[1:])

    losses, size = [], lr
    for _ in range(steps):
        loss = loss_now()
        slopes = torch.autograd.grad(loss, weights)
        steepness = sum(slope.square().sum() for slope in slopes)
        with torch.no_grad():
            starts = [w.clone() for w in weights]
            for _ in range(10):
                for w, start, slope in zip(weights, starts, slopes):
                    w.copy_(start - size * slope)
                if loss_now() <= loss - 0.1 * size * steepness:
                    break
                size *= 0.5
        size *= 1.5
        losses.append(loss.item())
    return model, tokenizer, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    ids = tokenizer.encode(prompt)
    for _ in range(max_new_tokens):
        ids.append(int(model(torch.tensor([ids[-model.context :]]))[0, -1].argmax()))
    return tokenizer.decode(ids)


if __name__ == "__main__":
    model, tokenizer, losses = train(SENTENCE)
    print(*(f"{loss:.3f}" for loss in losses[::15]), f"{losses[-1]:.4f}")
    print(generate(model, tokenizer, SENTENCE[:8], len(SENTENCE) - 8))
