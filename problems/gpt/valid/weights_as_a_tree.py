# category: torch-func, functional, adam
"""Weights are a dictionary that a pure update maps to the next; the module gets them when all is done."""

import torch
from torch import nn
from torch.func import functional_call, grad_and_value
from torch.nn import functional as F

SENTENCE = "state goes in, state comes out, nothing else"


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
        self.norm_1, self.norm_2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.qkv, self.out = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = (t.view(B, T, self.heads, -1).transpose(1, 2) for t in self.qkv(self.norm_1(x)).split(C, 2))
        scores = q @ k.transpose(2, 3) / (C // self.heads) ** 0.5
        scores = scores + torch.full((T, T), -torch.inf).triu(1).to(scores)
        x = x + self.out((scores.softmax(-1) @ v).transpose(1, 2).reshape(B, T, C))
        return x + self.mlp(self.norm_2(x))


class GPT(nn.Module):
    def __init__(self, vocab, dim=64, heads=4, depth=2, context=128):
        super().__init__()
        self.context = context
        self.wte, self.wpe = nn.Embedding(vocab, dim), nn.Embedding(context, dim)
        self.blocks = nn.Sequential(*(Block(dim, heads) for _ in range(depth)))
        self.norm, self.head = nn.LayerNorm(dim), nn.Linear(dim, vocab)

    def forward(self, idx):
        return self.head(self.norm(self.blocks(self.wte(idx) + self.wpe.weight[: idx.size(1)])))


def adam(weights, grads, state, lr, b1=0.9, b2=0.99):
    t = state["t"] + 1
    m = {k: b1 * state["m"][k] + (1 - b1) * g for k, g in grads.items()}
    v = {k: b2 * state["v"][k] + (1 - b2) * g * g for k, g in grads.items()}
    new = {k: w - lr * (m[k] / (1 - b1**t)) / ((v[k] / (1 - b2**t)).sqrt() + 1e-8) for k, w in weights.items()}
    return new, {"t": t, "m": m, "v": v}


def train(text, steps=40, lr=3e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = GPT(len(tokenizer.chars))
    ids = torch.tensor([tokenizer.encode(text)])

    def loss_fn(weights):
        logits = functional_call(model, weights, (ids[:, :-1],))
        return F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())

    weights = {name: p.detach().clone() for name, p in model.named_parameters()}
    zeros = {name: torch.zeros_like(w) for name, w in weights.items()}
    state = {"t": 0, "m": zeros, "v": zeros}
    losses = []
    for _ in range(steps):
        grads, loss = grad_and_value(loss_fn)(weights)
        weights, state = adam(weights, grads, state, lr)
        losses.append(loss.item())
    model.load_state_dict(weights)
    return model, tokenizer, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    ids = torch.tensor([tokenizer.encode(prompt)])
    for _ in range(max_new_tokens):
        ids = torch.cat([ids, model(ids[:, -model.context :])[:, -1:].argmax(-1)], dim=1)
    return tokenizer.decode(ids[0].tolist())


if __name__ == "__main__":
    model, tokenizer, losses = train(SENTENCE)
    print(losses[0], losses[-1])
    print(generate(model, tokenizer, SENTENCE[:8], len(SENTENCE) - 8))
