# category: double-precision, adam, sin-cos
"""The whole model is in float64, since the sentence is short and rounding is a nuisance."""

import math

import torch
from torch import nn
from torch.nn import functional as F

WIDTH, HEADS, DEPTH, LONGEST = 48, 3, 2, 160


class Tokenizer:
    def __init__(self, text):
        self.symbols = tuple(sorted(set(text)))

    def encode(self, text):
        return [self.symbols.index(s) for s in text]

    def decode(self, ids):
        return str().join(self.symbols[i] for i in ids)


def waves():
    """Where the learned table starts: sines and cosines of the place, small."""
    place = torch.arange(LONGEST, dtype=torch.float64)[:, None]
    rate = torch.exp(torch.arange(0, WIDTH, 2, dtype=torch.float64) * (-math.log(1e4) / WIDTH))
    return 0.1 * torch.cat([torch.sin(place * rate), torch.cos(place * rate)], dim=1)


class Attend(nn.Module):
    def __init__(self):
        super().__init__()
        self.maps = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in range(4))

    def forward(self, x):
        B, T, _ = x.shape
        q, k, v = (f(x).view(B, T, HEADS, -1).transpose(1, 2) for f in self.maps[:3])
        scores = q @ k.transpose(2, 3) / math.sqrt(WIDTH // HEADS)
        scores = scores.masked_fill(torch.ones_like(scores).triu(1).bool(), -math.inf)
        return self.maps[3]((scores.softmax(3) @ v).transpose(1, 2).reshape(B, T, WIDTH))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.attend = nn.Sequential(nn.LayerNorm(WIDTH), Attend())
        self.think = nn.Sequential(
            nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 4 * WIDTH), nn.ELU(), nn.Linear(4 * WIDTH, WIDTH)
        )

    def forward(self, x):
        x = x + self.attend(x)
        return x + self.think(x)


class GPT(nn.Module):
    def __init__(self, symbols):
        super().__init__()
        self.symbol = nn.Embedding(symbols, WIDTH)
        self.place = nn.Parameter(waves())
        self.blocks = nn.Sequential(*(Block() for _ in range(DEPTH)))
        self.norm = nn.LayerNorm(WIDTH)
        self.guess = nn.Linear(WIDTH, symbols)

    def forward(self, idx):
        return self.guess(self.norm(self.blocks(self.symbol(idx) + self.place[: idx.shape[1]])))


def train(text, steps=60, lr=4e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = GPT(len(tokenizer.symbols)).double()
    adam = torch.optim.Adam(model.parameters(), lr, (0.9, 0.98))
    pairs = torch.tensor(tokenizer.encode(text)).unfold(0, len(text) - 1, 1)  # (2, T - 1): input and target
    losses = []
    for _ in range(steps):
        adam.zero_grad()
        loss = F.cross_entropy(model(pairs[:1])[0], pairs[1])
        loss.backward()
        adam.step()
        losses.append(loss.item())
    return model, tokenizer, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    ids = tokenizer.encode(prompt)
    for _ in range(max_new_tokens):
        ids += model(torch.tensor([ids[-LONGEST:]]))[:, -1].argmax(1).tolist()
    return tokenizer.decode(ids)


if __name__ == "__main__":
    text = "sixty-four bits for forty characters"
    model, tokenizer, losses = train(text)
    print("%.6f -> %.6f" % (losses[0], losses[-1]))
    print(generate(model, tokenizer, text[:8], len(text) - 8))
