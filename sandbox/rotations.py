"""Whether positions that turn queries and keys do so by their distance alone (Su et al. 2021, RoFormer).

Of equal tokens a query and a key are the same vector, turned by two angles: their product depends on the
difference. Where angles and channels are laid out in two different ways it does not.
"""

from __future__ import annotations

import math

import torch

from sandbox.attention import Attention, find_attentions, find_source, is_made_of, projections
from sandbox.measurements import TAPS_B, TAPS_T, Measurements

LARGEST = 1e-3  # times the lengths of query and key
_T, _FROM = 12, 6  # equal tokens, and the place from which no padding of a convolution is felt
_DISTANCES = (0, 1, 3)


def are_seen(m: Measurements) -> bool:
    """Whether queries come from one projection at position 0, and at the last position not as they are."""
    if not m.products.attentions:
        return False
    first = m.products.attentions[0]
    taps = projections(m.products.taps, m.products.attentions, 0)
    source = find_source(first.q, taps, B=TAPS_B)
    return source is not None and not is_made_of(first.q[:, -1], source.tap, B=TAPS_B, at=TAPS_T - 1)


def spread(m: Measurements) -> float | None:
    """How far products at one distance differ, over the lengths; None where equal tokens enter unlike."""
    attention = _of_equal_tokens(m)
    return None if attention is None else _apart(attention)


def single_rate(m: Measurements) -> float | None:
    """By how much all channels turn from one place to the next, if they all turn alike; else None.

    Then products of equal tokens follow one cosine of the distance: s(d + 1) + s(d - 1) = 2 cos(rate) s(d).
    Heads of two channels can't turn otherwise.
    """
    attention = _of_equal_tokens(m)
    if attention is None or attention.q.shape[-1] < 4:
        return None
    products = attention.q[:, -1:] @ attention.k[:, _FROM:].mT  # (N, 1, distances)
    sides, middle = products[..., 2:] + products[..., :-2], products[..., 1:-1]
    twice = float((sides * middle).sum() / middle.square().sum().clamp_min(1e-30))
    left = (sides - twice * middle).abs().max() / products.abs().max().clamp_min(1e-30)
    return math.acos(twice / 2) if abs(twice) < 2 - 1e-9 and float(left) < LARGEST else None


def _of_equal_tokens(m: Measurements) -> Attention | None:
    """The first attention over equal tokens; None where those enter it unlike."""
    return m.subject.once("attention of equal tokens", lambda: _find(m))


def _find(m: Measurements) -> Attention | None:
    table = m.position_table
    model = m.drawn.without([table.name]) if table is not None else m.drawn
    taps = model.taps(torch.full((2, _T), m.vocabulary[0])).taps
    attentions = find_attentions(taps, T=_T)
    entering = projections(taps, attentions, 0) if attentions else []
    rows = [tap.tensors["left"] for tap in entering]
    if not rows or any(float((left - left[:1]).abs().max()) > 1e-6 for left in rows):
        return None
    return attentions[0]


def _apart(attention: Attention) -> float:
    products = attention.q @ attention.k.mT  # (N, T, T)
    lengths = attention.q.norm(dim=-1)[:, :, None] * attention.k.norm(dim=-1)[:, None]  # (N, T, T)
    worst = 0.0
    for distance in _DISTANCES:
        along = products.diagonal(-distance, dim1=1, dim2=2)[:, _FROM:]  # (N, places)
        size = lengths.diagonal(-distance, dim1=1, dim2=2)[:, _FROM:].mean().clamp_min(1e-30)
        worst = max(worst, float((along.amax(dim=1) - along.amin(dim=1)).max() / size))
    return worst
