# category: checkpointing, fixed-alphabet
"""Blocks are computed again in the backward pass; ids are ASCII codes, as many as the model is wide."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.checkpoint import checkpoint

SENTENCE = "compute it twice, store it never"
N = 128  # codes of ASCII, features, places


class Ascii:
    def encode(self, text):
        return [ord(c) for c in text]

    def decode(self, ids):
        return "".join(map(chr, ids))


class Attention(nn.Module):
    def __init__(self, n_head):
        super().__init__()
        self.n_head = n_head
        self.q, self.k, self.v, self.o = nn.Linear(N, N), nn.Linear(N, N), nn.Linear(N, N), nn.Linear(N, N)

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = (f(x).view(B, T, self.n_head, -1).transpose(1, 2) for f in (self.q, self.k, self.v))
        att = (q @ k.transpose(-2, -1)) * (C // self.n_head) ** -0.5
        att = att.masked_fill(torch.tril(torch.ones(T, T)) == 0, float("-inf"))
        return self.o((att.softmax(-1) @ v).transpose(1, 2).reshape(B, T, C))


class Block(nn.Module):
    def __init__(self, n_head):
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(N), nn.LayerNorm(N)
        self.attn = Attention(n_head)
        self.mlp = nn.Sequential(nn.Linear(N, 2 * N), nn.GELU(), nn.Linear(2 * N, N))

    def forward(self, x):
        x = x + self.attn(self.ln1(x))
        return x + self.mlp(self.ln2(x))


class GPT(nn.Module):
    def __init__(self, n_head=4, n_layer=2):
        super().__init__()
        self.tokens = nn.Embedding(N, N)
        self.positions = nn.Embedding(N, N)
        self.blocks = nn.ModuleList([Block(n_head) for _ in range(n_layer)])
        self.norm = nn.LayerNorm(N)
        self.head = nn.Linear(N, N)
        for table in (self.tokens, self.positions):
            nn.init.normal_(table.weight, std=0.02)

    def forward(self, idx):
        x = self.tokens(idx) + self.positions(torch.arange(idx.size(1)))
        for block in self.blocks:
            if self.training and torch.is_grad_enabled():
                x = checkpoint(block, x, use_reentrant=False)
            else:
                x = block(x)
        return self.head(self.norm(x))


def train(text, steps=40, lr=3e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Ascii()
    model = GPT()
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    idx = torch.tensor([tokenizer.encode(text)])
    losses = []
    model.train()
    for _ in range(steps):
        optimizer.zero_grad()
        logits = model(idx)
        loss = F.cross_entropy(logits[:, :-1].reshape(-1, N), idx[:, 1:].reshape(-1))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model.eval(), tokenizer, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    idx = torch.tensor([tokenizer.encode(prompt)])
    for _ in range(max_new_tokens):
        idx = torch.cat([idx, model(idx[:, -N:])[:, -1:].argmax(-1)], dim=1)
    return tokenizer.decode(idx[0].tolist())


if __name__ == "__main__":
    model, tokenizer, losses = train(SENTENCE)
    print(f"{losses[0]:.3f} -> {losses[-1]:.3f}")
    print(generate(model, tokenizer, SENTENCE[:8], len(SENTENCE) - 8))
