"""What is seen of earlier and of later tokens once scores are so large that they saturate a softmax."""

from __future__ import annotations

import re

import torch

from sandbox.measurements import Measurements, T
from sandbox.responses import response_map, tolerance

_GLARING = 8.0  # at which scores, 64 times its fourth power, lie between 10^4 and 10^6
_SATURATING = 4.0  # at which the largest score has nearly all of a row
_NUMBER = re.compile(r"\b\d[\d_]*(?:\.\d*)?(?:[eE][+]?\d{1,2})?")  # as Python writes them
_MASKS = (1e3, 1e7)  # finite ones, that such scores come near to or exceed


def faintest(m: Measurements) -> float:
    """The smallest response to an earlier token over the largest, in three draws that saturate a softmax."""
    return m.subject.once("faintest", lambda: min(_faintest_of(m, seed) for seed in range(3)))


def _faintest_of(m: Measurements, seed: int) -> float:
    model = m.redrawn(m.initial.model, std=_SATURATING, seed=seed, dtype=m.drawn.dtype)
    seen = response_map(model, m.ids(1, T)[0], vocabulary=m.vocabulary)  # (T, T)
    share = seen / seen.amax(dim=1, keepdim=True)
    return float(share[1:].masked_fill(torch.ones(T, T).triu().bool()[1:], 1.0).min())


def sees_through(m: Measurements) -> bool:
    """Whether a later token moves logits once scores exceed 10,000, as a mask of -1e4 lets it.

    Not looked at in a file without such a number.
    """
    numbers = (abs(float(found)) for found in _NUMBER.findall(m.subject.job.source))
    if not any(_MASKS[0] <= number <= _MASKS[1] for number in numbers):
        return False
    return m.subject.once("sees through", lambda: _look_through(m))


def _look_through(m: Measurements) -> bool:
    model = m.redrawn(m.initial.model, std=_GLARING, seed=2, dtype=m.drawn.dtype)
    seen = response_map(model, m.ids(1, T)[0], vocabulary=m.vocabulary)
    return bool(seen.triu(1).max() > tolerance(model, model.logits(m.ids(1, T))))
