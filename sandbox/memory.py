"""Trains the submission's own model in the examiner's own loop, and lets it recite what it learned.

Strings that differ only far in the past can be told apart by attention alone, and a model that peeks at the
future while it learns has nothing to peek at when it writes.
"""

from __future__ import annotations

import torch
from torch import Tensor

from sandbox.subject import RemoteModel

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


def teach(model: RemoteModel, values: dict[str, Tensor], strings: Tensor, *, steps: int, rate: float) -> None:
    """Adam on the mean cross-entropy of next tokens, with gradients of the remote model."""
    ids, targets = strings[:, :-1], strings[:, 1:]
    values = {name: value.clone() for name, value in values.items()}
    first = {name: torch.zeros_like(value) for name, value in values.items()}
    second = {name: torch.zeros_like(value) for name, value in values.items()}
    for step in range(1, steps + 1):
        for name, gradient in model.gradients(ids, targets).items():
            if gradient is None:
                continue
            first[name].lerp_(gradient, 1 - _BETAS[0])
            second[name].lerp_(gradient.square(), 1 - _BETAS[1])
            mean = first[name] / (1 - _BETAS[0] ** step)
            spread = (second[name] / (1 - _BETAS[1] ** step)).sqrt_().add_(1e-8)
            values[name].addcdiv_(mean, spread, value=-rate)
        model.set_parameters(values)


def recited(model: RemoteModel, strings: Tensor) -> int:
    """How many strings come out greedily, all from their first token."""
    ids = strings[:, :1]
    while ids.shape[1] < strings.shape[1]:
        ids = torch.cat((ids, model.logits(ids)[:, -1].argmax(dim=-1, keepdim=True)), dim=1)
    return int((ids == strings).all(dim=1).sum())
