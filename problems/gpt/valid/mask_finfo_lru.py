# category: mask-finfo-min, unregistered-mask, rearrange-by-hand, type-hints
"""Masks come from a cached function keyed by length; small helpers move the heads about."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@lru_cache(maxsize=None)
def later(length: int) -> Tensor:
    """(length, length), True where a key comes after its query."""
    return torch.triu(torch.ones(length, length, dtype=torch.bool), diagonal=1)


def b_n_hd_to_b_h_n_d(x: Tensor, h: int) -> Tensor:
    b, n, hd = x.shape
    return x.reshape(b, n, h, hd // h).movedim(2, 1)


def b_h_n_d_to_b_n_hd(x: Tensor) -> Tensor:
    b, h, n, d = x.shape
    return x.movedim(1, 2).reshape(b, n, h * d)


class PreNorm(nn.Module):
    def __init__(self, dim: int, fn: nn.Module) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.fn = fn

    def forward(self, x: Tensor) -> Tensor:
        return self.fn(self.norm(x))


class Attention(nn.Module):
    def __init__(self, dim: int, heads: int = 4, dim_head: int = 16) -> None:
        super().__init__()
        inner = heads * dim_head
        self.heads = heads
        self.scale = dim_head**-0.5
        self.to_q = nn.Linear(dim, inner, bias=False)
        self.to_kv = nn.Linear(dim, inner * 2, bias=False)
        self.to_out = nn.Linear(inner, dim)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.to_q(x), *self.to_kv(x).chunk(2, dim=-1)
        q, k, v = (b_n_hd_to_b_h_n_d(t, self.heads) for t in (q, k, v))
        dots = torch.matmul(q, k.transpose(-1, -2)) * self.scale
        dots = dots.masked_fill(later(x.shape[1]), -torch.finfo(dots.dtype).max)
        return self.to_out(b_h_n_d_to_b_n_hd(dots.softmax(dim=-1) @ v))


def feed_forward(dim: int, mult: int = 4) -> nn.Sequential:
    return nn.Sequential(nn.Linear(dim, dim * mult), nn.GELU(), nn.Linear(dim * mult, dim))


class Transformer(nn.Module):
    def __init__(self, num_tokens: int, dim: int = 64, depth: int = 2, max_seq_len: int = 128) -> None:
        super().__init__()
        self.max_seq_len = max_seq_len
        self.token_emb = nn.Embedding(num_tokens, dim)
        self.pos_emb = nn.Embedding(max_seq_len, dim)
        self.layers = nn.ModuleList(
            nn.ModuleList([PreNorm(dim, Attention(dim)), PreNorm(dim, feed_forward(dim))]) for _ in range(depth)
        )
        self.to_logits = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, num_tokens))
        nn.init.normal_(self.pos_emb.weight, std=0.1)

    def forward(self, x: Tensor) -> Tensor:
        n = x.shape[1]
        x = self.token_emb(x) + self.pos_emb.weight[None, :n]
        for attend, feed in self.layers:
            x = attend(x) + x
            x = feed(x) + x
        return self.to_logits(x)


class Chars:
    def __init__(self, text: str) -> None:
        self.known = "".join(sorted(set(text)))

    def encode(self, text: str) -> list[int]:
        return [self.known.index(c) for c in text]

    def decode(self, ids: list[int]) -> str:
        return "".join(self.known[i] for i in ids)


def train(
    text: str, steps: int = 40, lr: float = 3e-3, seed: int = 0
) -> tuple[Transformer, Chars, list[float]]:
    torch.manual_seed(seed)
    chars = Chars(text)
    model = Transformer(len(chars.known))
    optim = torch.optim.AdamW(model.parameters(), lr=lr)
    seq = torch.tensor(chars.encode(text)).unsqueeze(0)
    inp, target = seq[:, :-1], seq[:, 1:]
    losses: list[float] = []
    for _ in range(steps):
        loss = F.cross_entropy(model(inp).transpose(1, 2), target)
        optim.zero_grad()
        loss.backward()
        optim.step()
        losses.append(loss.item())
    return model, chars, losses


@torch.no_grad()
def generate(model: Transformer, tokenizer: Chars, prompt: str, max_new_tokens: int) -> str:
    out = torch.tensor(tokenizer.encode(prompt)).unsqueeze(0)
    for _ in range(max_new_tokens):
        logits = model(out[:, -model.max_seq_len :])[:, -1]
        out = torch.cat((out, logits.argmax(dim=-1, keepdim=True)), dim=-1)
    return tokenizer.decode(out.squeeze(0).tolist())


if __name__ == "__main__":
    line = "a query asks, a key answers"
    model, chars, losses = train(line)
    print(f"{losses[0]:.3f} -> {losses[-1]:.3f}")
    print(generate(model, chars, line[:8], len(line) - 8))
