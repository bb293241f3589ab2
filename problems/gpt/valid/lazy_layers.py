# category: lazy-modules, default-initialisation
"""Lazy layers find out their widths from a first pass over a single token."""

import torch
import torch.nn.functional as F
from torch import nn


class Tokenizer:
    def __init__(self, text):
        self.id2char = []
        self.char2id = {}
        for char in sorted(text):
            if char not in self.char2id:
                self.char2id[char] = len(self.id2char)
                self.id2char.append(char)

    def encode(self, text):
        ids = []
        for char in text:
            ids.append(self.char2id[char])
        return ids

    def decode(self, ids):
        text = ""
        for i in ids:
            text += self.id2char[i]
        return text


class LazyAttention(nn.Module):
    def __init__(self, heads):
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v = nn.LazyLinear(64), nn.LazyLinear(64), nn.LazyLinear(64)
        self.out = nn.LazyLinear(64)

    def forward(self, x):
        b, t, _ = x.shape
        q = self.q(x).view(b, t, self.heads, -1).transpose(1, 2)
        k = self.k(x).view(b, t, self.heads, -1).transpose(1, 2)
        v = self.v(x).view(b, t, self.heads, -1).transpose(1, 2)
        scores = (q @ k.transpose(-2, -1)) / q.shape[-1] ** 0.5
        scores[..., torch.ones(t, t).triu(1).bool()] = float("-inf")
        return self.out((scores.softmax(-1) @ v).transpose(1, 2).reshape(b, t, -1))


class LazyBlock(nn.Module):
    def __init__(self, heads):
        super().__init__()
        self.norm1 = nn.LayerNorm(64)
        self.attention = LazyAttention(heads)
        self.norm2 = nn.LayerNorm(64)
        self.mlp = nn.Sequential(nn.LazyLinear(200), nn.Softplus(), nn.LazyLinear(64))

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        x = x + self.mlp(self.norm2(x))
        return x


class LazyGPT(nn.Module):
    def __init__(self, vocab):
        super().__init__()
        self.token = nn.Embedding(vocab, 64)
        self.place = nn.Embedding(128, 64)
        self.blocks = nn.Sequential(LazyBlock(4), LazyBlock(4))
        self.norm = nn.LayerNorm(64)
        self.head = nn.LazyLinear(vocab)
        self(torch.zeros(1, 1, dtype=torch.long))  # here the widths become known

    def forward(self, idx):
        x = self.token(idx) + self.place(torch.arange(idx.shape[1]))
        return self.head(self.norm(self.blocks(x)))


def train(text, steps=40, lr=3e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = LazyGPT(len(tokenizer.id2char))
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


def generate(model, tokenizer, prompt, max_new_tokens):
    model.eval()
    ids = tokenizer.encode(prompt)
    for _ in range(max_new_tokens):
        with torch.no_grad():
            logits = model(torch.tensor([ids[-128:]]))
        ids.append(int(logits[0, -1].argmax()))
    return tokenizer.decode(ids)


if __name__ == "__main__":
    sentence = "let the first token tell the width"
    model, tokenizer, losses = train(sentence)
    for step in range(0, len(losses), 10):
        print(f"step {step:3d}  loss {losses[step]:.4f}")
    print(generate(model, tokenizer, sentence[:8], len(sentence) - 8))
