# category: curriculum, gradient-accumulation
"""The visible part of the sentence grows with the steps; gradients of its two halves are accumulated."""

import torch
from torch import nn
from torch.nn import functional as F

SENTENCE = "begin with little and add a word a day"


class Tokenizer:
    def __init__(self, text):
        self.chars = sorted(set(text))

    def encode(self, text):
        return [self.chars.index(c) for c in text]

    def decode(self, ids):
        return "".join(self.chars[i] for i in ids)


class Block(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.norm_1, self.qkv, self.proj = nn.LayerNorm(dim), nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.norm_2, self.up, self.down = nn.LayerNorm(dim), nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)

    def attention(self, x):
        B, T, C = x.shape
        q, k, v = (t.view(B, T, self.heads, -1).transpose(1, 2) for t in self.qkv(x).chunk(3, -1))
        scores = q @ k.transpose(2, 3) * (C // self.heads) ** -0.5
        scores = scores.masked_fill(torch.ones(T, T).tril() < 0.5, -torch.inf)
        return self.proj((scores.softmax(-1) @ v).transpose(1, 2).reshape(B, T, C))

    def forward(self, x):
        x = x + self.attention(self.norm_1(x))
        return x + self.down(F.silu(self.up(self.norm_2(x))))


class GPT(nn.Module):
    def __init__(self, vocab, dim=64, heads=4, depth=2, context=128):
        super().__init__()
        self.context = context
        self.wte, self.wpe = nn.Embedding(vocab, dim), nn.Embedding(context, dim)
        self.blocks = nn.ModuleList(Block(dim, heads) for _ in range(depth))
        self.norm, self.head = nn.LayerNorm(dim), nn.Linear(dim, vocab)

    def forward(self, idx):
        x = self.wte(idx) + self.wpe(torch.arange(idx.size(1)))
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def halves_of_the_loss(model, ids):
    """Summed over the first and over the second half of the targets, each divided by the number of all."""
    count = len(ids) - 1
    for places in torch.arange(count).chunk(2):
        logits = model(ids[None, : places[-1] + 1])[0]
        yield F.cross_entropy(logits[places], ids[places + 1], reduction="sum") / count


def train(text, steps=60, lr=4e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = GPT(len(tokenizer.chars))
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    ids = torch.tensor(tokenizer.encode(text))
    losses = []
    for step in range(steps):
        shown = min(len(ids), 8 + (step + 1) * 3 * len(ids) // steps)
        optimizer.zero_grad()
        total = 0.0
        for part in halves_of_the_loss(model, ids[:shown]):
            part.backward()
            total += part.item()
        optimizer.step()
        losses.append(total)
    return model, tokenizer, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    ids = torch.tensor([tokenizer.encode(prompt)])
    for _ in range(max_new_tokens):
        ids = torch.cat([ids, model(ids[:, -model.context :])[:, -1:].argmax(-1)], dim=1)
    return tokenizer.decode(ids[0].tolist())


if __name__ == "__main__":
    model, tokenizer, losses = train(SENTENCE)
    print(f"{losses[0]:.3f} -> {losses[-1]:.3f}")
    print(generate(model, tokenizer, SENTENCE[:8], len(SENTENCE) - 8))
