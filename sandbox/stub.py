"""Stands in for a model's forward while `generate` runs: the next token depends on all of the context.

The model itself runs for the first context, so that its output keeps its form, and for contexts longer than
every program must hold, so that it keeps its limits. The examiner computes the same rule and so knows what a
greedy generation must write.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from sandbox.arrays import to_tensor
from sandbox.calls import Array
from sandbox.contract import find_logits

_HELD_BY_ALL = 128  # tokens
EMPTY = 7  # the hash of no token at all
_SURE = 30.0  # above the rest by twice as much: sampling is greedy at a usual temperature, and not at ten


def next_choices(ids: list[int], *, choices: int) -> list[int]:
    """Which of `choices` tokens follows each prefix: a polynomial hash of all of it, order included."""
    value, following = EMPTY, []
    for i in ids:
        value = absorbed(value, i)
        following.append(choice_of(value, choices=choices))
    return following


def absorbed(value: int, token: int) -> int:
    """The hash of a prefix with one more token."""
    return (value * 1_000_003 + token + 1) % 2_147_483_647


def choice_of(value: int, *, choices: int) -> int:
    return (value >> 7) % choices


class Stub:
    """Use as a context manager around one call of `generate`."""

    def __init__(self, model: nn.Module, *, choices: Array):
        self._model = model
        self._choices = to_tensor(choices).tolist()
        # an output, its logits, whether they are there for every position
        self._form: tuple[Any, Tensor, bool] | None = None
        self.contexts: list[Tensor] = []
        self.noisy = False  # whether the model, left in training mode, answers twice unlike
        self.served = True  # false when the logits could not be replaced

    def __enter__(self) -> Stub:
        self._forward = self._model.forward
        self._instance_forward = vars(self._model).get("forward")  # what torch.compile puts there
        self._model.forward = self._answer
        return self

    def __exit__(self, *_: object) -> None:
        del self._model.forward
        if self._instance_forward is not None:
            self._model.forward = self._instance_forward

    def _answer(self, *args: Any, **kwargs: Any) -> Any:
        given = (value for value in (*args, *kwargs.values()) if isinstance(value, Tensor))
        ids = next((value for value in given if not value.is_floating_point()), None)
        if ids is None or ids.dim() != 2 or not self.served:
            self.served = False
            return self._forward(*args, **kwargs)
        if self._form is None or ids.shape[1] > _HELD_BY_ALL:
            if self._model.training and not self.contexts:
                self.noisy = self._depends_on_chance(args, kwargs)
            self._keep_form(self._forward(*args, **kwargs), ids)
        if self._form is None:
            return self._forward(*args, **kwargs)
        self.contexts.append(ids[0].clone())
        output, logits, everywhere = self._form
        return _with_logits(output, logits, self._scores(ids, logits, everywhere=everywhere))

    def _depends_on_chance(self, args: Any, kwargs: Any) -> bool:
        """Whether the same call is answered alike under one seed and otherwise under another.

        Model and arguments are copied before each, for either may hold a cache that grows.
        """
        answers = []
        with torch.random.fork_rng(devices=[]):
            for seed in (0, 0, 1):
                forward, given, named = self._untouched(args, kwargs)
                torch.manual_seed(seed)
                answers.append(forward(*given, **named))
        one, again, other = answers
        return _same(one, again) and not _same(one, other)

    def _untouched(self, args: Any, kwargs: Any) -> tuple[Callable[..., Any], Any, Any]:
        """The model's own forward and what it was given, as copies where they can be copied."""
        if self._instance_forward is not None:  # a copy's would be the original's
            return self._forward, *_copied(args, kwargs)
        try:
            twin, given, named = copy.deepcopy((self._model, args, kwargs))
            vars(twin).pop("forward", None)  # ours, unless the model has its own way to be copied
        except Exception:  # it keeps a tensor with its graph
            return self._forward, *_copied(args, kwargs)
        return twin.forward, given, named

    def _keep_form(self, output: Any, ids: Tensor) -> None:
        logits = find_logits(output)
        if logits is None or logits.dim() != 3:
            self.served, self._form = False, None
        else:
            self._form = output, logits, logits.shape[1] == ids.shape[1]

    def _scores(self, ids: Tensor, logits: Tensor, *, everywhere: bool) -> Tensor:
        """(B, T or 1, V): the rule's choice far above all others, at each position or at the last alone."""
        B, T = ids.shape
        answered = T if everywhere else 1
        scores = torch.full((B, answered, logits.shape[-1]), -_SURE, dtype=logits.dtype)
        count = len(self._choices)
        following = [next_choices(row, choices=count)[T - answered :] for row in ids.tolist()]
        chosen = torch.tensor([[self._choices[choice] for choice in row] for row in following])  # (B, T or 1)
        return scores.scatter_(-1, chosen[..., None], _SURE)


def _copied(*values: Any) -> tuple[Any, ...]:
    try:
        return copy.deepcopy(values)
    except Exception:  # it holds what can't be copied
        return values


def _same(one: Any, other: Any) -> bool:
    first, second = find_logits(one), find_logits(other)
    if first is None or second is None:
        return False
    return torch.equal(first.nan_to_num(), second.nan_to_num())  # NaN twice is no noise


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
