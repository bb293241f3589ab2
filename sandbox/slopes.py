"""Whether the gradients that come back to the embeddings are the slopes along which the logits change.

With a branch whose input is detached a model answers right, and each gradient before it is of another one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from sandbox.measurements import Measurements, cotangent
from sandbox.remote import RemoteModel

_STEPS = (1e-6, 3e-6, 1e-5)  # of each entry: small beside the kinks of a ReLU
_WAYS = 4  # a gradient that is off may by chance be right along one of them
_MOST_NUMBERS = 400_000  # parameters of a model that is sent there and back
_FAR = 0.01  # times the gradient's length
_STEADY = 1e-3  # the same: what the steps may differ by; a softmax in float32 makes them differ by more
_SURE = 5.0  # times that difference


@dataclass(frozen=True)
class Slope:
    """Of a random sum of the logits, tokens and positions moving along a random direction."""

    measured: float
    by_gradients: float
    apart: float  # times the length of the gradient


def wrong_slope(m: Measurements) -> Slope | None:
    """A slope that the gradients do not tell; None where they do, or it can't be measured well enough."""
    if m.drawn.dtype != "float64" or m.initial.parameters.size > _MOST_NUMBERS:
        return None
    tables = [table.name for table in (m.token_table, m.position_table) if table is not None]
    values = {
        name: value
        for name, value in m.drawn_values.items()
        if (not tables or name in tables) and m.gradients.get(name) is not None
    }
    if not values:
        return None
    moving, still = m.drawn.copied(), m.drawn.logits(m.gradient_ids)
    for seed in range(_WAYS):
        slope = _slope(m, moving, still, values, seed=seed, step=_STEPS[0])
        if slope.apart <= _FAR:
            continue
        slopes = [slope, *(_slope(m, moving, still, values, seed=seed, step=step) for step in _STEPS[1:])]
        if _is_wrong([slope.apart for slope in slopes]):
            return slopes[-1]
    return None


def _is_wrong(apart: list[float]) -> bool:
    """Whether every step says the same, and another thing than the gradients; NaN is another thing."""
    spread, least = max(apart) - min(apart), min(apart)
    return not least <= (_FAR if spread <= _STEADY else max(_SURE * spread, _SURE * _FAR))


def _slope(
    m: Measurements,
    moving: RemoteModel,
    still: Tensor,
    values: dict[str, Tensor],
    *,
    seed: int,
    step: float,
) -> Slope:
    generator = torch.Generator().manual_seed(seed)
    ways = {
        name: torch.randn(value.shape, generator=generator, dtype=torch.float64)
        for name, value in values.items()
    }
    moving.set_parameters({name: value + step * ways[name] for name, value in values.items()})
    ids = m.gradient_ids
    change = (moving.logits(ids) - still) * cotangent(ids, m.V)  # (B, T, V)
    measured = float(change.sum()) / step
    by_gradients = length = 0.0
    for name, way in ways.items():
        gradient = m.gradients[name]
        assert gradient is not None
        by_gradients += float((gradient * way).sum())
        length += float(gradient.square().sum())
    return Slope(measured, by_gradients, abs(measured - by_gradients) / max(math.sqrt(length), 1e-30))
