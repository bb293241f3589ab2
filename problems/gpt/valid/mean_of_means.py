# category: prefixes, buckets, loss-in-parts
"""The sentence and its opening, a batch for each length; the loss is the mean of the rows' means."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence

SENTENCE = "short rows and long rows count alike here"


class Tokenizer:
    def __init__(self, text):
        self.chars = sorted(set(text))
        self.pad = len(self.chars)

    def encode(self, text):
        return [self.chars.index(c) for c in text]

    def decode(self, ids):
        return "".join(self.chars[i] for i in ids if i != self.pad)


class Attention(nn.Module):
    def __init__(self, dim, heads, context):
        super().__init__()
        self.heads = heads
        self.q, self.kv, self.o = nn.Linear(dim, dim), nn.Linear(dim, 2 * dim), nn.Linear(dim, dim)
        self.register_buffer("hidden", torch.ones(context, context, dtype=torch.bool).triu(1))

    def forward(self, x):
        B, T, C = x.shape
        k, v = self.kv(x).chunk(2, dim=-1)
        q, k, v = (t.reshape(B, T, self.heads, -1).transpose(1, 2) for t in (self.q(x), k, v))
        scores = (q @ k.transpose(2, 3)) / (C // self.heads) ** 0.5
        scores = scores.masked_fill(self.hidden[:T, :T], -torch.inf)
        return self.o((scores.softmax(-1) @ v).transpose(1, 2).reshape(B, T, C))


class Block(nn.Module):
    def __init__(self, dim, heads, context):
        super().__init__()
        self.attention, self.norm_1 = Attention(dim, heads, context), nn.LayerNorm(dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))
        self.norm_2 = nn.LayerNorm(dim)

    def forward(self, x):
        x = x + self.attention(self.norm_1(x))
        return x + self.mlp(self.norm_2(x))


class GPT(nn.Module):
    def __init__(self, vocab, dim=48, heads=4, depth=2, context=128):
        super().__init__()
        self.context = context
        self.wte = nn.Embedding(vocab + 1, dim, padding_idx=vocab)
        self.wpe = nn.Embedding(context, dim)
        self.blocks = nn.Sequential(*(Block(dim, heads, context) for _ in range(depth)))
        self.norm, self.head = nn.LayerNorm(dim), nn.Linear(dim, vocab + 1)

    def forward(self, idx):
        x = self.wte(idx) + self.wpe(torch.arange(idx.size(1)))
        return self.head(self.norm(self.blocks(x)))


def row_losses(logits, targets, pad):
    """The mean over each row's own places: (B, T, V) and (B, T) give (B,)."""
    each = F.cross_entropy(logits.transpose(1, 2), targets, reduction="none", ignore_index=pad)
    return each.sum(1) / (targets != pad).sum(1)


def train(text, steps=40, lr=4e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = GPT(tokenizer.pad)
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    ids = torch.tensor(tokenizer.encode(text))
    rows = pad_sequence([ids, ids[: len(ids) // 3]], batch_first=True, padding_value=tokenizer.pad)
    losses = []
    for _ in range(steps):
        loss = row_losses(model(rows[:, :-1]), rows[:, 1:], tokenizer.pad).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, tokenizer, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    idx = torch.tensor([tokenizer.encode(prompt)])
    for _ in range(max_new_tokens):
        logits = model(idx[:, -model.context :])[:, -1]
        logits[:, tokenizer.pad] = -torch.inf
        idx = torch.cat([idx, logits.argmax(-1, keepdim=True)], dim=1)
    return tokenizer.decode(idx[0].tolist())


if __name__ == "__main__":
    model, tokenizer, losses = train(SENTENCE)
    print(f"first {losses[0]:.3f} last {losses[-1]:.3f}")
    print(generate(model, tokenizer, SENTENCE[:8], len(SENTENCE) - 8))
