"""Inside the candidate process: feeds a model over caches step by step, and counts what a generation feeds.

What it counts is a claim like all that is recorded there; the logits are the model's own behaviour.
"""

from __future__ import annotations

import types
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from sandbox import cached_contract
from sandbox.arrays import to_array
from sandbox.calls import Array, Message

_MOST_NUMBERS = 4_000_000  # keys and values that travel
_MOST_COUNTS = 4_096


def feed(module: types.ModuleType | None, model: nn.Module, ids: Tensor, *, plan: list[int]) -> Message:
    """Logits of each step over new caches, the caches' lengths after it, and what they hold in the end.

    With no step at all, the lengths with which new caches begin.
    """
    caches = cached_contract.make_caches(module, model)
    if not plan:
        return Message("answer", {"lengths": [_lengths(caches)]})
    arrays: dict[str, Array] = {}
    lengths, start = [], 0
    for step, size in enumerate(plan):
        logits = cached_contract.call_model(model, ids[:, start : start + size], caches)
        arrays[f"logits {step}"] = to_array(logits)
        lengths.append(_lengths(caches))
        start += size
    return Message("answer", {"lengths": lengths}, arrays | _stored(caches))


def _lengths(caches: Sequence[Any]) -> list[int]:
    return [cached_contract.length_of(cache) for cache in caches]


def _stored(caches: Sequence[Any]) -> dict[str, Array]:
    """Keys and values by layer, as long as they are few enough to travel."""
    arrays: dict[str, Array] = {}
    numbers = 0
    for layer, cache in enumerate(caches):
        if (stored := cached_contract.stored_in(cache)) is None:
            continue
        numbers += sum(tensor.numel() for tensor in stored)
        if numbers > _MOST_NUMBERS:
            break
        arrays |= {f"{side} {layer}": to_array(tensor) for side, tensor in zip("kv", stored, strict=True)}
    return arrays


class TokenCount:
    """Use as a context manager around one generation: how many tokens each forward pass was given."""

    def __init__(self, model: nn.Module):
        self._model = model
        self.counts: list[int] = []

    def __enter__(self) -> TokenCount:
        self._forward = self._model.forward
        self._own = vars(self._model).get("forward")  # what torch.compile puts there
        self._model.forward = self._count
        return self

    def __exit__(self, *_: object) -> None:
        del self._model.forward
        if self._own is not None:
            self._model.forward = self._own

    def _count(self, *args: Any, **kwargs: Any) -> Any:
        given = (value for value in (*args, *kwargs.values()) if isinstance(value, Tensor))
        ids = next((value for value in given if not value.is_floating_point()), None)
        if ids is not None and ids.dim() and len(self.counts) < _MOST_COUNTS:
            self.counts.append(int(ids.shape[-1]))
        return self._forward(*args, **kwargs)
