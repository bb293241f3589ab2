"""How a model's logits respond to its tokens: the map of what each position can see."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from sandbox.remote import RemoteModel


class AnswersLogits(Protocol):
    """A model here or in the candidate process."""

    @property
    def dtype(self) -> str: ...

    def logits(self, ids: Tensor) -> Tensor: ...


def response_map(model: AnswersLogits, ids: Tensor, *, vocabulary: list[int]) -> Tensor:
    """Largest change of the logits at each position (row) when one token (column) is changed: (T, T)."""
    return responses(model, ids, changed=list(range(len(ids))), vocabulary=vocabulary)


def responses(model: AnswersLogits, ids: Tensor, *, changed: list[int], vocabulary: list[int]) -> Tensor:
    """The same for some tokens only: (T, len(changed)). One batch, whose last row is the text unchanged."""
    batch = ids.repeat(len(changed) + 1, 1)  # (n + 1, T)
    for row, j in enumerate(changed):
        batch[row, j] = other_token(int(ids[j]), vocabulary)
    logits = model.logits(batch)  # (n + 1, T, V)
    return (logits[:-1] - logits[-1]).abs().amax(dim=-1).T


def responses_apart(
    model: RemoteModel, ids: Tensor, *, changed: list[int], vocabulary: list[int], training: bool
) -> Tensor:
    """The same, a text at a time; in training mode under one seed, so that dropout falls alike: (T, n)."""
    texts = ids.repeat(len(changed) + 1, 1)
    for row, j in enumerate(changed):
        texts[row, j] = other_token(int(ids[j]), vocabulary)
    *moved, base = (
        model.logits(text[None], training_seed=1 if training else None)[0] for text in texts
    )  # (T, V) each
    return torch.stack([(logits - base).abs().amax(dim=-1) for logits in moved], dim=1)


def other_token(token: int, vocabulary: list[int]) -> int:
    return vocabulary[(vocabulary.index(token) + len(vocabulary) // 2) % len(vocabulary)]


def tolerance(model: AnswersLogits, logits: Tensor) -> float:
    """Below this two logits are the same; a softmax in float32 inside a float64 model stays below it."""
    relative = 1e-5 if model.dtype == "float64" else 3e-4
    return relative * max(1.0, float(logits.std()))
