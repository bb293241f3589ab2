"""Stands in for a model's forward while `generate` runs: the next token depends on all of the context.

The model itself still runs, so that its output keeps its form and its limits; only the logits in it are
replaced. The examiner computes the same rule and so knows what a greedy generation must write.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from sandbox.arrays import to_tensor
from sandbox.calls import Array
from sandbox.contract import find_logits

_SURE = 60.0  # so far above the rest that sampling at any usual temperature is greedy


def next_choice(ids: list[int], *, choices: int) -> int:
    """Which of `choices` tokens follows a context: a polynomial hash of all of it, order included."""
    value = 7
    for i in ids:
        value = (value * 1_000_003 + i + 1) % 2_147_483_647
    return (value >> 7) % choices


class Stub:
    """Use as a context manager around one call of `generate`."""

    def __init__(self, model: nn.Module, *, choices: Array):
        self._model = model
        self._choices = to_tensor(choices).tolist()
        self.contexts: list[Tensor] = []
        self.noisy = False  # whether the model, left in training mode, answers twice unlike
        self.served = True  # false when the logits could not be replaced

    def __enter__(self) -> Stub:
        original = self._model.forward
        self._instance_forward = vars(self._model).get("forward")  # what torch.compile puts there

        def forward(*args: Any, **kwargs: Any) -> Any:
            output = original(*args, **kwargs)
            if self._model.training and not self.contexts:
                self.noisy = not _same(output, original(*args, **kwargs))
            return self._replace(output, args, kwargs)

        self._model.forward = forward
        return self

    def __exit__(self, *_: object) -> None:
        del self._model.forward
        if self._instance_forward is not None:
            self._model.forward = self._instance_forward

    def _replace(self, output: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        ids = next(
            (v for v in (*args, *kwargs.values()) if isinstance(v, Tensor) and not v.is_floating_point()),
            None,
        )
        logits = find_logits(output)
        if ids is None or ids.dim() != 2 or logits is None or logits.dim() != 3:
            self.served = False
            return output
        self.contexts.append(ids[0].clone())
        return _with_logits(output, logits, self._scores(ids, logits))

    def _scores(self, ids: Tensor, logits: Tensor) -> Tensor:
        """(B, T', V): the rule's choice far above all others, at each position that the model answered."""
        scores = torch.full_like(logits, -_SURE)
        T, answered = ids.shape[1], logits.shape[1]
        for b, row in enumerate(ids.tolist()):
            for t in range(answered):
                choice = next_choice(row[: T - answered + t + 1], choices=len(self._choices))
                scores[b, t, self._choices[choice]] = _SURE
        return scores


def _same(one: Any, other: Any) -> bool:
    first, second = find_logits(one), find_logits(other)
    return first is not None and second is not None and torch.equal(first, second)


def _with_logits(output: Any, logits: Tensor, scores: Tensor) -> Any:
    """The output with its logits exchanged and everything else as it was."""
    if output is logits:
        return scores
    if isinstance(output, dict):
        exchanged = copy.copy(output)
        for key, value in output.items():
            if value is logits:
                exchanged[key] = scores
        return exchanged
    if isinstance(output, (tuple, list)):
        values = [scores if value is logits else value for value in output]
        return type(output)(*values) if hasattr(output, "_fields") else type(output)(values)
    other = copy.copy(output)
    other.logits = scores
    return other
