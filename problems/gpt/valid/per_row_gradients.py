# category: torch-func, per-example-gradients, clipping
"""A gradient for each row of the batch by vmap, each clipped by itself, then averaged."""

import torch
from torch import nn
from torch.func import functional_call, grad_and_value, vmap
from torch.nn import functional as F

SENTENCE = "nobody in the batch may shout too loud"


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
        self.n1, self.n2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.qkv, self.out = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = (t.reshape(B, T, self.heads, -1).transpose(1, 2) for t in self.qkv(self.n1(x)).split(C, 2))
        scores = q @ k.transpose(2, 3) / (C // self.heads) ** 0.5
        scores = scores.masked_fill(torch.ones(T, T, dtype=torch.bool).triu(1), -torch.inf)
        x = x + self.out((scores.softmax(-1) @ v).transpose(1, 2).reshape(B, T, C))
        return x + self.mlp(self.n2(x))


class GPT(nn.Module):
    def __init__(self, vocab, dim=48, heads=4, depth=2, context=128):
        super().__init__()
        self.context = context
        self.wte, self.wpe = nn.Embedding(vocab, dim), nn.Embedding(context, dim)
        self.blocks = nn.Sequential(*(Block(dim, heads) for _ in range(depth)))
        self.norm, self.head = nn.LayerNorm(dim), nn.Linear(dim, vocab)

    def forward(self, idx):
        return self.head(self.norm(self.blocks(self.wte(idx) + self.wpe.weight[: idx.size(1)])))


def train(text, steps=40, lr=4e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = GPT(len(tokenizer.chars))
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    rows = torch.tensor([tokenizer.encode(text)]).expand(2, -1)

    def loss_of_row(weights, row):
        logits = functional_call(model, weights, (row[None, :-1],))
        return F.cross_entropy(logits[0], row[1:])

    per_row = vmap(grad_and_value(loss_of_row), in_dims=(None, 0))
    losses = []
    for _ in range(steps):
        weights = {name: p.detach() for name, p in model.named_parameters()}
        grads, values = per_row(weights, rows)
        sizes = sum(g.flatten(1).square().sum(1) for g in grads.values()).sqrt()  # (B,)
        shrink = (1.0 / sizes).clamp(max=1.0)
        for name, p in model.named_parameters():
            p.grad = torch.einsum("b,b...->...", shrink, grads[name]) / len(rows)
        optimizer.step()
        losses.append(values.mean().item())
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
