"""A model that a handle stands for, and the states in which it is asked."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from sandbox.lessons import Lessons


@dataclass
class Held:
    """A model that a handle stands for, and how it was made."""

    model: nn.Module
    tokenizer: Any
    text: str | None  # None where the file has a task of its own
    seed: int | None
    classes: int | None = None  # of a classifier that was built and not trained
    lessons: Lessons | None = None  # that it was given by us


@contextlib.contextmanager
def in_mode(model: nn.Module, *, training: bool) -> Iterator[None]:
    """The model in one mode, then each of its modules in the mode it was in."""
    modes = [(module, module.training) for module in model.modules()]
    model.train(training)
    try:
        yield
    finally:
        for module, before in modes:
            module.training = before


@contextlib.contextmanager
def filled(fill: bool) -> Iterator[None]:
    """While a model is built: memory that torch.empty hands out reads as NaN instead of what was there."""
    if not fill:
        yield
        return
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)


@contextlib.contextmanager
def silenced(model: nn.Module, names: Sequence[str]) -> Iterator[None]:
    """These parameters at zero, then as they were."""
    named = dict(model.named_parameters())
    kept = {name: named[name].detach().clone() for name in names}
    try:
        with torch.no_grad():
            for name in kept:
                named[name].zero_()
        yield
    finally:
        with torch.no_grad():
            for name, value in kept.items():
                named[name].copy_(value)
