# category: factorised-embedding, weight-tying
"""The manner of ALBERT: a narrow table of characters is widened on the way in, and narrowed again for the tied head."""

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


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = self.qkv(x).view(B, T, 3 * self.heads, C // self.heads).transpose(1, 2).chunk(3, dim=1)
        att = q @ k.transpose(-2, -1) * (C // self.heads) ** -0.5
        att = att.masked_fill(~torch.tril(torch.ones(T, T, dtype=torch.bool)), float("-inf"))
        return self.out((att.softmax(-1) @ v).transpose(1, 2).reshape(B, T, C))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm1, self.attn = nn.LayerNorm(width), Attention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class FactorisedGPT(nn.Module):
    def __init__(self, vocab, narrow=24, width=64, heads=4, depth=2, block_size=128):
        super().__init__()
        self.block_size = block_size
        self.letters = nn.Embedding(vocab, narrow)
        self.widen = nn.Linear(narrow, width, bias=False)
        self.places = nn.Embedding(block_size, width)
        self.blocks = nn.ModuleList([Block(width, heads) for _ in range(depth)])
        self.norm = nn.LayerNorm(width)
        self.narrow = nn.Linear(width, narrow, bias=False)
        nn.init.normal_(self.letters.weight, std=0.3)

    def forward(self, idx):
        x = self.widen(self.letters(idx)) + self.places(torch.arange(idx.size(1)))
        for block in self.blocks:
            x = block(x)
        return self.narrow(self.norm(x)) @ self.letters.weight.T


def train(text, steps=40, lr=4e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = FactorisedGPT(len(tokenizer.chars))
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
    idx = torch.tensor([tokenizer.encode(prompt)])
    for _ in range(max_new_tokens):
        logits = model(idx[:, -model.block_size :])
        idx = torch.cat([idx, logits[:, -1].argmax(-1, keepdim=True)], dim=1)
    return tokenizer.decode(idx[0].tolist())


def main():
    text = "a narrow door into a wide hall"
    model, tokenizer, losses = train(text)
    print(f"loss {losses[0]:.3f} -> {losses[-1]:.4f} in {len(losses)} steps")
    print(generate(model, tokenizer, text[:8], len(text) - 8))


if __name__ == "__main__":
    main()
