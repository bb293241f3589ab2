# category: sharpness-aware, zero-grad-to-none-false
"""Sharpness-aware minimisation: the gradient is taken a little uphill and the step from where we stood."""

import torch
import torch.nn as nn
import torch.nn.functional as F

SENTENCE = "a flat valley forgives a careless step"
CONTEXT = 128


class Tokenizer:
    def __init__(self, text):
        self.chars = sorted(set(text))
        self.ids = {c: i for i, c in enumerate(self.chars)}

    def encode(self, text):
        return [self.ids[c] for c in text]

    def decode(self, ids):
        return "".join(self.chars[i] for i in ids)


class Block(nn.Module):
    def __init__(self, C, H):
        super().__init__()
        self.H = H
        self.norm = nn.ModuleList([nn.LayerNorm(C), nn.LayerNorm(C)])
        self.qkv = nn.Linear(C, 3 * C)
        self.proj = nn.Linear(C, C)
        self.fc = nn.Linear(C, 4 * C)
        self.fc_proj = nn.Linear(4 * C, C)

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = self.qkv(self.norm[0](x)).view(B, T, 3, self.H, C // self.H).permute(2, 0, 3, 1, 4)
        att = q.mul((C // self.H) ** -0.5).matmul(k.transpose(-2, -1))
        att.masked_fill_(torch.ones(T, T, dtype=torch.bool).triu(1), float("-inf"))
        y = att.softmax(dim=-1).matmul(v).transpose(1, 2).reshape(B, T, C)
        x = x + self.proj(y)
        return x + self.fc_proj(F.gelu(self.fc(self.norm[1](x))))


class GPT(nn.Module):
    def __init__(self, vocab_size, C=48, H=4, L=2):
        super().__init__()
        self.wte = nn.Embedding(vocab_size, C)
        self.wpe = nn.Parameter(torch.randn(CONTEXT, C) * 0.05)
        self.blocks = nn.ModuleList([Block(C, H) for _ in range(L)])
        self.ln_f = nn.LayerNorm(C)
        self.head = nn.Linear(C, vocab_size)

    def forward(self, idx):
        x = self.wte(idx) + self.wpe[: idx.size(1)]
        for block in self.blocks:
            x = block(x)
        return self.head(self.ln_f(x))


@torch.no_grad()
def climb(parameters, rho):
    """Moves the parameters uphill by rho and answers how to get back."""
    norm = torch.stack([p.grad.norm() for p in parameters]).norm() + 1e-12
    moves = [p.grad * (rho / norm) for p in parameters]
    for p, move in zip(parameters, moves):
        p += move
    return moves


@torch.no_grad()
def return_from(parameters, moves):
    for p, move in zip(parameters, moves):
        p -= move


def train(text, steps=60, lr=4e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = GPT(len(tokenizer.chars))
    parameters = list(model.parameters())
    optimizer = torch.optim.AdamW(parameters, lr=lr)
    x = torch.tensor([tokenizer.encode(text)])

    def loss_fn():
        return F.cross_entropy(model(x)[:, :-1].transpose(1, 2), x[:, 1:])

    losses = []
    for _ in range(steps):
        loss = loss_fn()
        loss.backward()
        moves = climb(parameters, rho=0.02)
        optimizer.zero_grad(set_to_none=False)
        loss_fn().backward()
        return_from(parameters, moves)
        optimizer.step()
        optimizer.zero_grad(set_to_none=False)
        losses.append(loss.item())
    return model, tokenizer, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    ids = torch.tensor(tokenizer.encode(prompt))
    for _ in range(max_new_tokens):
        ids = torch.cat([ids, model(ids[-CONTEXT:][None])[0, -1:].argmax(-1)])
    return tokenizer.decode(ids.tolist())


if __name__ == "__main__":
    model, tokenizer, losses = train(SENTENCE)
    print(losses[0], losses[20], losses[-1])
    print(generate(model, tokenizer, SENTENCE[:8], len(SENTENCE) - 8))
