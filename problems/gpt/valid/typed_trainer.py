# category: renamed-attributes, type-hints, trainer-class, positions-xavier
"""The same model under other names, typed throughout, with the loop in a class of its own."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

import torch
from torch import LongTensor, Tensor, nn

MOTTO: Final = "write the shapes down and half the bugs are gone"


@dataclass(frozen=True, slots=True)
class Architecture:
    symbols: int
    longest: int = 144
    channels: int = 72
    branches: int = 6
    storeys: int = 2
    widening: int = 4


class Cipher:
    def __init__(self, sample: str) -> None:
        ordered: list[str] = sorted({*sample})
        self._to: dict[str, int] = {glyph: code for code, glyph in enumerate(ordered)}
        self._from: dict[int, str] = {code: glyph for glyph, code in self._to.items()}

    @property
    def size(self) -> int:
        return len(self._to)

    def encode(self, plain: str) -> list[int]:
        return [self._to[glyph] for glyph in plain]

    def decode(self, codes: Iterable[int]) -> str:
        return "".join(self._from[int(code)] for code in codes)


class Lookback(nn.Module):
    veil: Tensor

    def __init__(self, arch: Architecture) -> None:
        super().__init__()
        self.arch = arch
        self.ask = nn.Linear(arch.channels, arch.channels, bias=False)
        self.offer = nn.Linear(arch.channels, arch.channels, bias=False)
        self.carry = nn.Linear(arch.channels, arch.channels, bias=False)
        self.merge = nn.Linear(arch.channels, arch.channels)
        veil = torch.full((arch.longest, arch.longest), -math.inf).triu_(1)
        self.register_buffer("veil", veil, persistent=False)

    def _fan_out(self, x: Tensor) -> Tensor:
        b, t, c = x.shape
        return x.reshape(b, t, self.arch.branches, c // self.arch.branches).swapaxes(1, 2)

    def forward(self, x: Tensor) -> Tensor:
        b, t, c = x.shape
        asked, offered, carried = map(self._fan_out, (self.ask(x), self.offer(x), self.carry(x)))
        fit = asked.matmul(offered.swapaxes(2, 3)).mul(math.pow(c // self.arch.branches, -0.5))
        share = fit.add(self.veil[:t, :t]).softmax(dim=-1)
        return self.merge(share.matmul(carried).swapaxes(1, 2).reshape(b, t, c))


class Storey(nn.Module):
    def __init__(self, arch: Architecture) -> None:
        super().__init__()
        inner = arch.channels * arch.widening
        self.calm_a, self.calm_b = nn.LayerNorm(arch.channels), nn.LayerNorm(arch.channels)
        self.lookback = Lookback(arch)
        self.ponder = nn.Sequential(
            nn.Linear(arch.channels, inner), nn.SELU(), nn.Linear(inner, arch.channels)
        )

    def forward(self, stream: Tensor) -> Tensor:
        stream = stream + self.lookback(self.calm_a(stream))
        return stream + self.ponder(self.calm_b(stream))


class Tower(nn.Module):
    def __init__(self, arch: Architecture) -> None:
        super().__init__()
        self.arch = arch
        self.meaning = nn.Embedding(arch.symbols, arch.channels)
        self.place = nn.Parameter(torch.empty(arch.longest, arch.channels))
        self.storeys = nn.Sequential(*(Storey(arch) for _ in range(arch.storeys)))
        self.calm = nn.LayerNorm(arch.channels)
        self.speak = nn.Linear(arch.channels, arch.symbols)
        nn.init.xavier_normal_(self.place)

    def forward(self, codes: LongTensor) -> Tensor:
        stream = self.meaning(codes) + self.place[: codes.size(1)].unsqueeze(0)
        return self.speak(self.calm(self.storeys(stream)))


@dataclass(slots=True)
class Training:
    tower: Tower
    lesson: Tensor
    rate: float
    curve: list[float] = field(default_factory=list)

    def run(self, rounds: int) -> Iterator[float]:
        judge = nn.CrossEntropyLoss()
        engine = torch.optim.Adamax(self.tower.parameters(), lr=self.rate)
        for _ in range(rounds):
            engine.zero_grad()
            answers = self.tower(self.lesson[:, :-1])
            loss = judge(answers.flatten(end_dim=1), self.lesson[:, 1:].flatten())
            loss.backward()
            engine.step()
            yield loss.item()


def train(text: str, steps: int = 50, lr: float = 6e-3, seed: int = 0) -> tuple[Tower, Cipher, list[float]]:
    torch.manual_seed(seed)
    cipher = Cipher(text)
    tower = Tower(Architecture(symbols=cipher.size))
    training = Training(tower, torch.tensor([cipher.encode(text)]), lr)
    training.curve.extend(training.run(steps))
    return tower, cipher, training.curve


@torch.no_grad()
def generate(model: Tower, tokenizer: Cipher, prompt: str, max_new_tokens: int) -> str:
    codes = torch.tensor([tokenizer.encode(prompt)])
    for _ in range(max_new_tokens):
        answer = model(codes[:, -model.arch.longest :])[:, -1:].argmax(dim=-1)
        codes = torch.cat((codes, answer), dim=1)
    return tokenizer.decode(codes[0].tolist())


if __name__ == "__main__":
    tower, cipher, curve = train(MOTTO)
    print(*(f"{loss:.3f}" for loss in curve[::10]), sep="\n")
    print(generate(tower, cipher, MOTTO[:8], len(MOTTO) - 8))
