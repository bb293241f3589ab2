# category: kv-cached-generation, rope, query-key-norm, parallel-branches
"""Rotary positions, normed queries and keys, parallel branches; a cache that is fed a token at a time."""

import torch
import torch.nn as nn
import torch.nn.functional as F

SENTENCE = "attention is a soft lookup over the past"
CONTEXT, DIM, HEADS, DEPTH = 128, 64, 4, 2
SIZE = DIM // HEADS


class Characters:
    def __init__(self, text):
        self.all = sorted(set(text))

    def encode(self, text):
        return [self.all.index(c) for c in text]

    def decode(self, ids):
        return "".join(self.all[i] for i in ids)


def turned(x, start):
    """(B, H, T, SIZE), the first of T at the position `start`."""
    rates = 1000.0 ** (-torch.arange(0, SIZE, 2) / SIZE)
    angles = torch.outer(torch.arange(start, start + x.shape[2]), rates)  # (T, SIZE / 2)
    one, other = x.chunk(2, dim=-1)
    return torch.cat(
        (one * angles.cos() - other * angles.sin(), one * angles.sin() + other * angles.cos()), dim=-1
    )


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(DIM)
        self.qkv, self.merge = nn.Linear(DIM, 3 * DIM, bias=False), nn.Linear(DIM, DIM, bias=False)
        self.sharpness = nn.Parameter(torch.full((HEADS, 1, 1), 5.0))
        self.mlp = nn.Sequential(nn.Linear(DIM, 4 * DIM), nn.GELU(), nn.Linear(4 * DIM, DIM))
        for zero in (self.merge.weight, self.mlp[2].weight, self.mlp[2].bias):
            nn.init.zeros_(zero)

    def attend(self, x, cache, start):
        B, T, _ = x.shape
        q, k, v = self.qkv(x).view(B, T, 3, HEADS, SIZE).permute(2, 0, 3, 1, 4)
        q, k = turned(F.normalize(q, dim=-1), start), turned(F.normalize(k, dim=-1), start)
        if cache is not None:
            if cache:
                k, v = torch.cat((cache["k"], k), 2), torch.cat((cache["v"], v), 2)
            cache.update(k=k, v=v)
        S = k.shape[2]
        scores = q @ k.mT * self.sharpness
        hidden = torch.arange(S) > torch.arange(S - T, S)[:, None]
        weights = scores.masked_fill(hidden, float("-inf")).softmax(-1)
        return self.merge((weights @ v).transpose(1, 2).reshape(B, T, DIM))

    def forward(self, x, cache=None, start=0):
        h = self.norm(x)
        return x + self.attend(h, cache, start) + self.mlp(h)


class GPT(nn.Module):
    def __init__(self, vocab):
        super().__init__()
        self.embed = nn.Embedding(vocab, DIM)
        self.blocks = nn.ModuleList(Block() for _ in range(DEPTH))
        self.norm = nn.LayerNorm(DIM)
        self.head = nn.Linear(DIM, vocab, bias=False)
        nn.init.normal_(self.head.weight, std=0.02)

    def forward(self, idx, caches=None, start=0):
        x = self.embed(idx)
        for block, cache in zip(self.blocks, caches or [None] * DEPTH):
            x = block(x, cache, start)
        return self.head(self.norm(x))


def train(text, steps=40, lr=4e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Characters(text)
    model = GPT(len(tokenizer.all))
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    ids = torch.tensor([tokenizer.encode(text)])
    losses = []
    for _ in range(steps):
        loss = F.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, tokenizer, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    ids, caches = tokenizer.encode(prompt), [{} for _ in model.blocks]
    for at in range(len(prompt) + max_new_tokens - 1):
        logits = model(torch.tensor([ids[at : at + 1]]), caches, at)
        if at + 1 == len(ids):
            ids.append(logits[0, -1].argmax().item())
    return tokenizer.decode(ids)


if __name__ == "__main__":
    model, tokenizer, losses = train(SENTENCE)
    print(f"{losses[0]:.3f} -> {losses[-1]:.3f}")
    print(generate(model, tokenizer, SENTENCE[:8], len(SENTENCE) - 8))
