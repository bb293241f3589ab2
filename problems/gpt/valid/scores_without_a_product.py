# category: no-score-matrix, rope
"""Scores are summed up element by element, with no product of matrices; positions turn queries and keys."""

import torch
import torch.nn as nn
import torch.nn.functional as F

TEXT = "every pair of words is weighed by hand"


class Tokenizer:
    def __init__(self, text):
        self.letters = "".join(sorted(set(text)))

    def encode(self, text):
        return [self.letters.index(letter) for letter in text]

    def decode(self, ids):
        return "".join(self.letters[i] for i in ids)


def turned(x):
    """Rotary positions: x is (B, T, H, d)."""
    T, d = x.shape[1], x.shape[3]
    rates = 10_000.0 ** (-torch.arange(0, d, 2) / d)
    angle = (torch.arange(T)[:, None] * rates).to(x.dtype)[:, None]  # (T, 1, d / 2)
    even, odd = x[..., 0::2], x[..., 1::2]
    both = (even * angle.cos() - odd * angle.sin(), even * angle.sin() + odd * angle.cos())
    return torch.stack(both, dim=-1).flatten(-2)


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = self.qkv(x).view(B, T, 3, self.heads, -1).unbind(2)  # (B, T, H, d)
        q, k = turned(q), turned(k)
        scores = (q[:, :, None] * k[:, None]).sum(-1) / q.shape[-1] ** 0.5  # (B, T, T, H)
        past = torch.ones(T, T, dtype=torch.bool).tril()[None, :, :, None]
        shares = torch.where(past, scores, -torch.inf).softmax(dim=2)
        return self.out((shares[..., None] * v[:, None]).sum(2).reshape(B, T, C))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.ln1, self.attention = nn.LayerNorm(width), Attention(width, heads)
        self.ln2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x):
        x = x + self.attention(self.ln1(x))
        return x + self.mlp(self.ln2(x))


class Model(nn.Module):
    def __init__(self, vocab, width=64, heads=4, depth=2):
        super().__init__()
        self.letters = nn.Embedding(vocab, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.ln, self.head = nn.LayerNorm(width), nn.Linear(width, vocab)

    def forward(self, idx):
        x = self.letters(idx)
        for block in self.blocks:
            x = block(x)
        return self.head(self.ln(x))


def train(text, steps=40, lr=4e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = Model(len(tokenizer.letters))
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    ids = torch.tensor([tokenizer.encode(text)])
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(ids)[0, :-1], ids[0, 1:])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, tokenizer, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    ids = tokenizer.encode(prompt)
    for _ in range(max_new_tokens):
        ids.append(int(model(torch.tensor([ids]))[0, -1].argmax()))
    return tokenizer.decode(ids)


if __name__ == "__main__":
    model, tokenizer, losses = train(TEXT)
    print(losses[0], losses[-1])
    print(generate(model, tokenizer, TEXT[:8], len(TEXT) - 8))
