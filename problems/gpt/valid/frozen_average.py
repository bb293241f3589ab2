# category: ema-of-weights, frozen-when-done, type-hints
"""An exponential moving average of the weights is what is handed out: a copy that asks for no gradients."""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor, nn

TEXT = "average the noise away, keep the signal"


class Chars:
    def __init__(self, text: str) -> None:
        self.table: str = "".join(sorted(set(text)))

    def encode(self, text: str) -> list[int]:
        return [self.table.index(c) for c in text]

    def decode(self, ids: list[int]) -> str:
        return "".join(self.table[i] for i in ids)


class Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.inputs = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        B, T, C = x.shape
        q, k, v = self.inputs(x).view(B, T, 3, self.heads, C // self.heads).permute(2, 0, 3, 1, 4)
        scores = q @ k.mT / math.sqrt(C // self.heads)
        scores = scores + torch.full((T, T), -math.inf, dtype=x.dtype).triu(1)
        return self.output((scores.softmax(-1) @ v).transpose(1, 2).flatten(2))


class Layer(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.before_attention = nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.before_mlp = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.SiLU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.before_attention(x))
        return x + self.mlp(self.before_mlp(x))


class GPT(nn.Module):
    def __init__(self, vocab: int, context: int = 128, width: int = 64, heads: int = 4, depth: int = 2) -> None:
        super().__init__()
        self.context = context
        self.tokens = nn.Embedding(vocab, width)
        self.places = nn.Parameter(0.02 * torch.randn(context, width))
        self.layers = nn.Sequential(*(Layer(width, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocab)

    def forward(self, idx: Tensor) -> Tensor:
        return self.head(self.norm(self.layers(self.tokens(idx) + self.places[: idx.size(1)])))


class Average:
    """Follows a model's weights; early on it hardly remembers, or it would remember the start."""

    def __init__(self, model: nn.Module, decay: float = 0.8) -> None:
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self.decay, self.updates = decay, 0

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        self.updates += 1
        decay = min(self.decay, self.updates / (self.updates + 9))
        for kept, new in zip(self.model.parameters(), model.parameters()):
            kept.lerp_(new, 1 - decay)


def train(text: str, steps: int = 50, lr: float = 3e-3, seed: int = 0) -> tuple[GPT, Chars, list[float]]:
    torch.manual_seed(seed)
    tokenizer = Chars(text)
    model = GPT(len(tokenizer.table))
    average = Average(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    ids = torch.tensor([tokenizer.encode(text)])
    losses: list[float] = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())
        loss.backward()
        optimizer.step()
        average.update(model)
        losses.append(loss.item())
    return average.model, tokenizer, losses


@torch.no_grad()
def generate(model: GPT, tokenizer: Chars, prompt: str, max_new_tokens: int) -> str:
    ids = tokenizer.encode(prompt)
    while max_new_tokens > 0:
        logits = model(torch.tensor([ids[-model.context :]]))
        ids.append(int(logits[0, -1].argmax()))
        max_new_tokens -= 1
    return tokenizer.decode(ids)


if __name__ == "__main__":
    model, tokenizer, losses = train(TEXT)
    print("losses:", ", ".join(f"{loss:.2f}" for loss in losses[::10]))
    print(generate(model, tokenizer, TEXT[:8], len(TEXT) - 8))
