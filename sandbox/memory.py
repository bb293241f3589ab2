"""Trains the submission's own model in the examiner's own loop, and lets it recite what it learned.

Strings that differ only far in the past can be told apart by attention alone, and a model that peeks at the
future while it learns has nothing to peek at when it writes.
"""

from __future__ import annotations

import torch
from torch import Tensor

from sandbox.remote import RemoteModel

_BETAS = (0.9, 0.98)


def branching_strings(vocabulary: list[int], *, count: int, length: int, seed: int) -> Tensor:
    """(count, length) ids: different first tokens, a middle that all share, different ends."""
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.tensor(vocabulary)
    strings = tokens[torch.randint(len(tokens), (count, length), generator=generator)]
    strings[:, 0] = tokens[torch.randperm(len(tokens), generator=generator)[:count]]
    strings[:, 1 : length // 2] = strings[0, 1 : length // 2]
    strings[:, length // 2] = tokens[torch.randperm(len(tokens), generator=generator)[:count]]
    return strings


class Lessons:
    """Adam on the mean cross-entropy of next tokens, with gradients of the remote model."""

    def __init__(self, model: RemoteModel, values: dict[str, Tensor], strings: Tensor, *, rate: float):
        self._model, self._rate = model, rate
        self._ids, self._targets = strings[:, :-1], strings[:, 1:]
        self._values = {name: value.clone() for name, value in values.items()}
        self._mean = {name: torch.zeros_like(value) for name, value in values.items()}
        self._square = {name: torch.zeros_like(value) for name, value in values.items()}
        self._step = 0

    def give(self, steps: int) -> None:
        for _ in range(steps):
            self._step += 1
            for name, gradient in self._model.gradients(self._ids, self._targets).items():
                if gradient is not None:
                    self._move(name, gradient)
            self._model.set_parameters(self._values)

    def _move(self, name: str, gradient: Tensor) -> None:
        mean = self._mean[name].lerp_(gradient, 1 - _BETAS[0]) / (1 - _BETAS[0] ** self._step)
        square = self._square[name].lerp_(gradient.square(), 1 - _BETAS[1]) / (1 - _BETAS[1] ** self._step)
        self._values[name].addcdiv_(mean, square.sqrt_().add_(1e-8), value=-self._rate)


def recited(model: RemoteModel, strings: Tensor) -> int:
    """How many strings come out greedily, all from their first token."""
    ids = strings[:, :1]
    while ids.shape[1] < strings.shape[1]:
        ids = torch.cat((ids, model.logits(ids)[:, -1].argmax(dim=-1, keepdim=True)), dim=1)
    return int((ids == strings).all(dim=1).sum())
