# category: layer-scale, maxout, loss-in-forward
"""Each branch is scaled feature by feature; the MLP takes the larger of two maps; forward(idx, targets) gives a pair."""

import torch
import torch.nn.functional as F
from torch import nn


class Tokenizer:
    def __init__(self, text):
        self.chars = sorted(set(text))
        self.stoi = {ch: i for i, ch in enumerate(self.chars)}
        self.itos = dict(enumerate(self.chars))

    def encode(self, text):
        return [self.stoi[ch] for ch in text]

    def decode(self, ids):
        return "".join(self.itos[i] for i in ids)


class LayerScale(nn.Module):
    def __init__(self, width, start=0.1):
        super().__init__()
        self.gamma = nn.Parameter(start * torch.ones(width))

    def forward(self, x):
        return self.gamma * x


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v = nn.Linear(width, width), nn.Linear(width, width), nn.Linear(width, width)
        self.o = nn.Linear(width, width)

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = (f(x).reshape(B, T, self.heads, -1).swapaxes(1, 2) for f in (self.q, self.k, self.v))
        att = q @ k.swapaxes(2, 3) / (C / self.heads) ** 0.5
        rows, columns = torch.triu_indices(T, T, offset=1)
        att[:, :, rows, columns] = -torch.inf
        return self.o((att.softmax(3) @ v).swapaxes(1, 2).reshape(B, T, C))


class Maxout(nn.Module):
    def __init__(self, width, hidden, pieces=2):
        super().__init__()
        self.pieces = pieces
        self.expand = nn.Linear(width, hidden * pieces)
        self.shrink = nn.Linear(hidden, width)

    def forward(self, x):
        return self.shrink(self.expand(x).unflatten(-1, (-1, self.pieces)).amax(dim=-1))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.attention = nn.Sequential(nn.LayerNorm(width), Attention(width, heads), LayerScale(width))
        self.mlp = nn.Sequential(nn.LayerNorm(width), Maxout(width, 2 * width), LayerScale(width))

    def forward(self, x):
        x = x + self.attention(x)
        return x + self.mlp(x)


class MaxoutLM(nn.Module):
    def __init__(self, vocab, width=64, heads=4, depth=2, window=128):
        super().__init__()
        self.window = window
        self.tokens = nn.Embedding(vocab, width)
        self.positions = nn.Embedding(window, width)
        self.blocks = nn.Sequential(*[Block(width, heads) for _ in range(depth)])
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, vocab))

    def forward(self, idx, targets=None):
        x = self.tokens(idx) + self.positions(torch.arange(idx.shape[1]))
        logits = self.head(self.blocks(x))
        if targets is None:
            return logits, None
        return logits, F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def train(text, steps=40, lr=4e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = MaxoutLM(len(tokenizer.chars))
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    ids = torch.tensor(tokenizer.encode(text)).unsqueeze(0)
    losses = []
    for _ in range(steps):
        _, loss = model(ids[:, :-1], ids[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, tokenizer, losses


def generate(model, tokenizer, prompt, max_new_tokens):
    ids = tokenizer.encode(prompt)
    with torch.no_grad():
        for _ in range(max_new_tokens):
            logits, _ = model(torch.tensor([ids[-model.window :]]))
            ids.append(logits[0, -1].argmax().item())
    return tokenizer.decode(ids)


def main():
    text = "the larger of two maps goes on"
    model, tokenizer, losses = train(text)
    print(f"loss {losses[0]:.3f} -> {losses[-1]:.4f} in {len(losses)} steps")
    print(generate(model, tokenizer, text[:8], len(text) - 8))


if __name__ == "__main__":
    main()
