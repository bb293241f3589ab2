"""Attention that is summed up in parts and normed at the end, looked at over a text of many parts.

Its weights are nowhere to be seen: what came out is compared with a softmax of the same queries and keys.
"""

from __future__ import annotations

import torch
from torch import Tensor

from sandbox.attention import Source, find_source, measured_scale, projections
from sandbox.measurements import TAPS_B, TAPS_T, Measurements
from sandbox.remote import Tap

_SAME = 1e-6  # times the largest number that came out
_UNEVEN = 1e-3


def uneven_row(m: Measurements, length: int) -> tuple[int, float] | None:
    """The first position of a long text whose row of the first attention is a softmax's times something else
    than 1, and that. None where it is none, or where weights are seen that sum to 1.
    """
    attentions = m.products.attentions
    if not attentions or float((attentions[0].weights.sum(dim=-1) - 1).abs().max()) < 1e-4:
        return None
    first, taps = attentions[0], projections(m.products.taps, attentions, 0)
    q, k, v = (find_source(part, taps, B=TAPS_B) for part in (first.q, first.k, first.v))
    scale = measured_scale(first, taps, B=TAPS_B)
    if q is None or k is None or v is None or scale is None:
        return None
    long = m.drawn.taps(m.ids(1, length)).taps
    heads, d = len(first.q) // TAPS_B, first.q.shape[-1]
    parts = [_columns(source, long, heads=heads) for source in (q, k, v)]  # (H, T, d) each
    if any(part is None for part in parts):
        return None
    expected = _attend(*(part for part in parts if part is not None), scale=scale) * v.factor
    flat = expected.transpose(0, 1).flatten(1)  # (T, H * d)
    came = next((rows for tap in long if (rows := _like(flat, tap)) is not None), None)
    if came is None:
        return None
    return _first_uneven(expected, came.view(length, heads, d).transpose(0, 1))


def _columns(source: Source, long: list[Tap], *, heads: int) -> Tensor | None:
    """What the same projection gave over the long text: (H, T, d)."""
    same = (t for t in long if t.is_linear and (t.weight, t.start) == (source.tap.weight, source.tap.start))
    tap = next(same, None)
    if tap is None:
        return None
    columns = tap.tensors["out"][:, list(source.columns)]  # (T, H * d)
    return columns.view(len(columns), heads, -1).transpose(0, 1)


def _attend(q: Tensor, k: Tensor, v: Tensor, *, scale: float) -> Tensor:
    scores = (q @ k.mT * scale).masked_fill(torch.ones(q.shape[1], k.shape[1]).triu(1).bool(), -torch.inf)
    return scores.softmax(dim=-1) @ v


def _like(flat: Tensor, tap: Tap) -> Tensor | None:
    """What the product was given, in the columns of `flat` (T, n); None where the first places differ."""
    if not tap.is_linear or tap.tensors["left"].shape[0] != len(flat):
        return None
    rows = tap.tensors["left"]  # (T, m)
    apart = (flat[:TAPS_T, :, None] - rows[:TAPS_T, None]).abs().amax(dim=0)  # (n, m)
    nearest, column = apart.min(dim=1)
    return rows[:, column] if float(nearest.max()) <= _SAME * float(flat.abs().max()) else None


def _first_uneven(expected: Tensor, came: Tensor) -> tuple[int, float] | None:
    """The first position at which a head's (H, T, d) is the expected one times something else than 1."""
    ratio = (expected * came).sum(dim=-1) / expected.square().sum(dim=-1)  # (H, T)
    off = (came - ratio[..., None] * expected).norm(dim=-1) / came.norm(dim=-1)
    uneven = ((ratio - 1).abs() > _UNEVEN) & (off < _SAME)
    if not bool(uneven.any()):
        return None
    i = int(uneven.any(dim=0).nonzero()[0])
    return i, float(ratio[uneven[:, i], i][0])
