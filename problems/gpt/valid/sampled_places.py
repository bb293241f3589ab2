# category: sampled-places, loss-mean
"""A stochastic gradient in the literal sense: each step takes the loss at a random half of the places."""

import torch
from torch import nn
from torch.nn import functional as F

SENTENCE = "a coin decides which letters count today"


class Tokenizer:
    def __init__(self, text):
        self.chars = sorted(set(text))
        self.where = {c: i for i, c in enumerate(self.chars)}

    def encode(self, text):
        return [self.where[c] for c in text]

    def decode(self, ids):
        return "".join(self.chars[i] for i in ids)


class Attention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.qkv, self.out = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = self.qkv(x).view(B, T, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        return self.out(F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2))


class Block(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(dim) for _ in range(2))
        self.attention = Attention(dim, heads)
        self.mlp = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))

    def forward(self, x):
        x = x + self.attention(self.norms[0](x))
        return x + self.mlp(self.norms[1](x))


class GPT(nn.Module):
    def __init__(self, vocab, dim=64, heads=4, depth=2, context=128):
        super().__init__()
        self.context = context
        self.char = nn.Embedding(vocab, dim)
        self.place = nn.Parameter(torch.randn(context, dim) * 0.02)
        self.blocks = nn.Sequential(*(Block(dim, heads) for _ in range(depth)))
        self.norm, self.head = nn.LayerNorm(dim), nn.Linear(dim, vocab)

    def forward(self, idx):
        return self.head(self.norm(self.blocks(self.char(idx) + self.place[: idx.size(1)])))


def train(text, steps=80, lr=3e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = GPT(len(tokenizer.chars))
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    ids = torch.tensor(tokenizer.encode(text))
    losses = []
    for _ in range(steps):
        logits = model(ids[None, :-1])[0]
        kept = torch.randperm(len(ids) - 1)[: len(ids) // 2]
        loss = F.cross_entropy(logits[kept], ids[1:][kept])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, tokenizer, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    ids = tokenizer.encode(prompt)
    for _ in range(max_new_tokens):
        ids.append(model(torch.tensor([ids[-model.context :]]))[0, -1].argmax().item())
    return tokenizer.decode(ids)


if __name__ == "__main__":
    model, tokenizer, losses = train(SENTENCE)
    print(" ".join(f"{loss:.2f}" for loss in losses[::8]))
    print(generate(model, tokenizer, SENTENCE[:8], len(SENTENCE) - 8))
