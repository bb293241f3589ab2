# category: one-hot-inputs, raw-parameters
"""No embedding layer: characters and places are one-hot rows that are multiplied by matrices."""

import torch
import torch.nn.functional as F
from torch import nn


class Codec:
    def __init__(self, vocab):
        self.vocab = vocab
        self.encode = lambda s: [vocab.index(c) for c in s]
        self.decode = lambda l: "".join(vocab[i] for i in l)


class Attention(nn.Module):
    def __init__(self, C, H):
        super().__init__()
        self.H = H
        self.Wq, self.Wk, self.Wv, self.Wo = (nn.Parameter(torch.randn(C, C) * C**-0.5) for _ in range(4))

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = (
            (x @ W).view(B, T, self.H, C // self.H).transpose(1, 2) for W in (self.Wq, self.Wk, self.Wv)
        )
        logits = q @ k.mT / (C // self.H) ** 0.5
        see = torch.ones(T, T).tril()
        weights = (logits.masked_fill(see == 0, -1e9)).softmax(-1)
        return (weights @ v).transpose(1, 2).reshape(B, T, C) @ self.Wo


class Block(nn.Module):
    def __init__(self, C, H):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(C), nn.LayerNorm(C)
        self.attention = Attention(C, H)
        self.W1, self.b1 = nn.Parameter(torch.randn(C, 4 * C) * C**-0.5), nn.Parameter(torch.zeros(4 * C))
        self.W2, self.b2 = nn.Parameter(torch.randn(4 * C, C) * (4 * C) ** -0.5), nn.Parameter(torch.zeros(C))

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        h = torch.addmm(self.b1, self.norm2(x).flatten(0, 1), self.W1).relu()
        return x + torch.addmm(self.b2, h, self.W2).view_as(x)


class OneHotGPT(nn.Module):
    def __init__(self, vocab, C=64, H=4, L=2, block=128):
        super().__init__()
        self.vocab, self.block = vocab, block
        self.what = nn.Parameter(torch.randn(vocab, C) * 0.1)
        self.where = nn.Parameter(torch.randn(block, C) * 0.1)
        self.layers = nn.ModuleList([Block(C, H) for _ in range(L)])
        self.norm = nn.LayerNorm(C)
        self.head = nn.Parameter(torch.randn(C, vocab) * C**-0.5)

    def forward(self, idx):
        what = F.one_hot(idx, self.vocab).to(self.what.dtype)  # (B, T, V)
        where = torch.eye(self.block, dtype=self.where.dtype)[: idx.shape[1]]  # (T, block)
        x = what @ self.what + where @ self.where
        for layer in self.layers:
            x = layer(x)
        return self.norm(x) @ self.head


def train(text, steps=40, lr=4e-3, seed=0):
    torch.manual_seed(seed)
    codec = Codec(sorted(set(text)))
    model = OneHotGPT(len(codec.vocab))
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    data = torch.tensor(codec.encode(text))
    x, y = data[:-1].unsqueeze(0), data[1:].unsqueeze(0)
    losses = []
    for _ in range(steps):
        logits = model(x)
        loss = F.cross_entropy(logits.view(-1, logits.size(-1)), y.view(-1))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, codec, losses


def generate(model, tokenizer, prompt, max_new_tokens):
    model.eval()
    ids = tokenizer.encode(prompt)
    for _ in range(max_new_tokens):
        with torch.no_grad():
            logits = model(torch.tensor([ids[-model.block :]]))
        ids.append(int(logits[0, -1].argmax()))
    return tokenizer.decode(ids)


TEXT = "a table is a matrix with one hot row"

if __name__ == "__main__":
    model, codec, losses = train(TEXT)
    print("losses:", *(round(loss, 3) for loss in losses[::15]), round(losses[-1], 4))
    print("text:", generate(model, codec, TEXT[:8], len(TEXT) - 8))
