# category: ema-of-weights, callbacks, type-hints
"""torch's own AveragedModel collects the late weights and is the model that is returned; events call listeners."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel

SENTENCE = "the mean of the last is better than the last"


class Tokenizer(Protocol):
    def encode(self, text: str, /) -> list[int]: ...
    def decode(self, ids: list[int], /) -> str: ...


class CharTokenizer:
    def __init__(self, text: str) -> None:
        self._chars = sorted(set(text))

    def __len__(self) -> int:
        return len(self._chars)

    def encode(self, text: str) -> list[int]:
        return [self._chars.index(c) for c in text]

    def decode(self, ids: list[int]) -> str:
        return "".join(self._chars[i] for i in ids)


class Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_1, self.norm_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def attention(self, x: Tensor) -> Tensor:
        B, T, C = x.shape
        q, k, v = (t.view(B, T, self.heads, -1).transpose(1, 2) for t in self.qkv(x).split(C, dim=2))
        scores = q @ k.mT * (C // self.heads) ** -0.5
        scores = scores.masked_fill(torch.ones(T, T).tril() == 0, float("-inf"))
        return self.proj((scores.softmax(-1) @ v).transpose(1, 2).reshape(B, T, C))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norm_1(x))
        return x + self.mlp(self.norm_2(x))


class GPT(nn.Module):
    def __init__(self, vocab: int, width: int = 64, heads: int = 4, depth: int = 2, context: int = 128) -> None:
        super().__init__()
        self.wte, self.wpe = nn.Embedding(vocab, width), nn.Embedding(context, width)
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(depth)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocab)

    def forward(self, idx: Tensor) -> Tensor:
        x = self.wte(idx) + self.wpe(torch.arange(idx.size(1)))
        return self.head(self.norm(self.blocks(x)))


Listener = Callable[[int, float], None]


class Loop:
    def __init__(self, model: nn.Module, ids: Tensor, lr: float) -> None:
        self.model, self.ids = model, ids
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
        self.listeners: list[Listener] = []

    def listen(self, listener: Listener) -> Loop:
        self.listeners.append(listener)
        return self

    def run(self, steps: int) -> None:
        for step in range(steps):
            self.optimizer.zero_grad(set_to_none=True)
            loss = F.cross_entropy(self.model(self.ids[:, :-1])[0], self.ids[0, 1:])
            loss.backward()
            self.optimizer.step()
            for listener in self.listeners:
                listener(step, loss.item())


def train(text: str, steps: int = 40, lr: float = 3e-3, seed: int = 0) -> tuple[nn.Module, Tokenizer, list[float]]:
    torch.manual_seed(seed)
    tokenizer = CharTokenizer(text)
    model = GPT(len(tokenizer))
    averaged = AveragedModel(model)
    losses: list[float] = []

    def average(step: int, _: float) -> None:
        if step >= 0.75 * steps:
            averaged.update_parameters(model)

    loop = Loop(model, torch.tensor([tokenizer.encode(text)]), lr)
    loop.listen(lambda _, loss: losses.append(loss)).listen(average).run(steps)
    return averaged, tokenizer, losses


@torch.inference_mode()
def generate(model: nn.Module, tokenizer: Tokenizer, prompt: str, max_new_tokens: int) -> str:
    ids = tokenizer.encode(prompt)
    for _ in range(max_new_tokens):
        ids.append(int(model(torch.tensor([ids[-128:]]))[0, -1].argmax()))
    return tokenizer.decode(ids)


if __name__ == "__main__":
    model, tokenizer, losses = train(SENTENCE)
    print(f"{losses[0]:.3f} -> {losses[-1]:.3f}")
    print(generate(model, tokenizer, SENTENCE[:8], len(SENTENCE) - 8))
