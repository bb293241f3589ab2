# category: sequential-model, residual-wrapper
"""The model is one nn.Sequential, and a wrapper adds what goes in to what comes out."""

import torch
import torch.nn.functional as F
from torch import nn

MAX = 128


class Tokenizer:
    def __init__(self, text):
        self.chars = sorted(set(text))
        self.stoi = {ch: i for i, ch in enumerate(self.chars)}
        self.itos = dict(enumerate(self.chars))

    def encode(self, text):
        return [self.stoi[ch] for ch in text]

    def decode(self, ids):
        return "".join(self.itos[i] for i in ids)


class Residual(nn.Sequential):
    def forward(self, x):
        return x + super().forward(x)


class Embed(nn.Module):
    def __init__(self, vocab, dim):
        super().__init__()
        self.what = nn.Embedding(vocab, dim)
        self.where = nn.Embedding(MAX, dim)

    def forward(self, idx):
        return self.what(idx) + self.where(torch.arange(idx.size(-1), device=idx.device))


class Attend(nn.Module):
    """From (B, T, 3C), queries, keys and values side by side, to (B, T, C): no weights of its own."""

    def __init__(self, heads):
        super().__init__()
        self.heads = heads

    def forward(self, qkv):
        q, k, v = qkv.unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        scores = q @ k.mT / k.size(-1) ** 0.5
        hidden = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(diagonal=1)
        return (scores.masked_fill(hidden, -torch.inf).softmax(-1) @ v).transpose(1, 2).flatten(2)


def block(dim, heads):
    return nn.Sequential(
        Residual(nn.LayerNorm(dim), nn.Linear(dim, 3 * dim), Attend(heads), nn.Linear(dim, dim)),
        Residual(nn.LayerNorm(dim), nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim)),
    )


def build(vocab, dim=64, heads=4, depth=2):
    blocks = [block(dim, heads) for _ in range(depth)]
    return nn.Sequential(Embed(vocab, dim), *blocks, nn.LayerNorm(dim), nn.Linear(dim, vocab))


def train(text, steps=40, lr=3e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = build(len(tokenizer.chars))
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
            logits = model(torch.tensor([ids[-MAX:]]))
        ids.append(int(logits[0, -1].argmax()))
    return tokenizer.decode(ids)


TEXT = "first this and then that and then the rest"

if __name__ == "__main__":
    model, tokenizer, losses = train(TEXT)
    print("losses:", *(round(loss, 3) for loss in losses[::15]), round(losses[-1], 4))
    print("text:", generate(model, tokenizer, TEXT[:8], len(TEXT) - 8))
