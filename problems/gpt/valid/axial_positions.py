# category: positions-axial
"""Positions as on a page: a learned table for the line and one for the column, with eight lines of sixteen columns."""

import torch
import torch.nn.functional as F
from torch import nn

LINES, COLUMNS = 8, 16


class Tokenizer:
    def __init__(self, text):
        self.chars = sorted(set(text))
        self.stoi = {ch: i for i, ch in enumerate(self.chars)}
        self.itos = dict(enumerate(self.chars))

    def encode(self, text):
        return [self.stoi[ch] for ch in text]

    def decode(self, ids):
        return "".join(self.itos[i] for i in ids)


class CausalAttention(nn.Module):
    def __init__(self, width, n_heads):
        super().__init__()
        self.n_heads = n_heads
        self.in_proj = nn.Linear(width, 3 * width)
        self.out_proj = nn.Linear(width, width)

    def forward(self, x):
        B, T, C = x.shape
        parts = self.in_proj(x).view(B, T, 3, self.n_heads, C // self.n_heads)
        q, k, v = (part.squeeze(2).transpose(1, 2) for part in parts.split(1, dim=2))
        att = q @ k.transpose(-1, -2) / (C // self.n_heads) ** 0.5
        later = torch.arange(T).unsqueeze(0) > torch.arange(T).unsqueeze(1)
        att = att.masked_fill(later, float("-inf")).softmax(dim=-1)
        return self.out_proj((att @ v).transpose(1, 2).flatten(2))


class Block(nn.Module):
    def __init__(self, width, n_heads):
        super().__init__()
        self.ln_1, self.attention = nn.LayerNorm(width), CausalAttention(width, n_heads)
        self.ln_2, self.mlp = (
            nn.LayerNorm(width),
            nn.Sequential(nn.Linear(width, 4 * width), nn.LeakyReLU(0.1), nn.Linear(4 * width, width)),
        )

    def forward(self, x):
        x = x + self.attention(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class PageModel(nn.Module):
    def __init__(self, vocab, width=64, n_heads=4, n_layers=2):
        super().__init__()
        self.letters = nn.Embedding(vocab, width)
        self.line = nn.Embedding(LINES, width)
        self.column = nn.Embedding(COLUMNS, width)
        self.blocks = nn.ModuleList(Block(width, n_heads) for _ in range(n_layers))
        self.ln_f = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocab)

    def forward(self, idx):
        place = torch.arange(idx.shape[1], device=idx.device)
        x = self.letters(idx) + self.line(place // COLUMNS) + self.column(place % COLUMNS)
        for block in self.blocks:
            x = block(x)
        return self.head(self.ln_f(x))


def train(text, steps=40, lr=4e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = PageModel(len(tokenizer.chars))
    optimizer = torch.optim.Adam(model.parameters(), lr=lr, betas=(0.9, 0.95))
    ids = torch.tensor([tokenizer.encode(text)])  # (1, T)
    losses = []
    model.train()
    for step in range(steps):
        optimizer.zero_grad()
        scores = model(ids)[:, :-1]
        loss = F.cross_entropy(scores.transpose(1, 2), ids[:, 1:])
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return model, tokenizer, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    model.eval()
    text = prompt
    for _ in range(max_new_tokens):
        ids = torch.tensor([tokenizer.encode(text[-LINES * COLUMNS :])])
        text += tokenizer.decode([model(ids)[0, -1].argmax().item()])
    return text


def main():
    text = "line and column make a place"
    model, tokenizer, losses = train(text)
    print(f"loss {losses[0]:.3f} -> {losses[-1]:.4f} in {len(losses)} steps")
    print(generate(model, tokenizer, text[:8], len(text) - 8))


if __name__ == "__main__":
    main()
