"""The numbers that a verdict's pictures are drawn from, with those of the clean program beside them.

A picture is made when a verdict is put together, not when a probe runs, so that what holds costs nothing.
Everything here comes from what a candidate process answered: it is cut to a size, rounded and finite.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

from torch import Tensor

from sandbox.measurements import Measurements, T, cotangent, gradient_ids
from sandbox.positions import Table, find_position_table, find_token_table
from sandbox.reference import Reference
from sandbox.responses import response_map

MOST_TENSORS = 40  # parameter tensors in one picture
MOST_POSITIONS = 128
MOST_CHARACTERS = 60  # of a parameter's name

Data = dict[str, Any]


def sight(m: Measurements) -> Data:
    """What each position can see: the response of its logits to each token of the sentence's opening."""
    data: Data = {"chars": list(m.text[:T]), "matrix": _matrix(m.map), "tolerance": _finite(m.tolerance)}
    if (reference := m.reference) is not None:
        seen = response_map(reference, reference.ids(m.text[:T]), vocabulary=reference.vocabulary)
        data["reference"] = _matrix(seen)
    return data


def reach(m: Measurements, *, missed: Collection[str]) -> Data:
    """The gradient of each parameter tensor, per element and as a power of ten; None where there is none.

    The clean program's stands beside the tensors whose names both have. Its others are not told: that one
    of them is no parameter here would be an answer, not a symptom.
    """
    entries = m.initial.parameters.entries
    named = [entry["name"] for entry in entries if entry["trained"] or entry["name"] in missed]
    kept = set(sorted(named, key=lambda name: name not in missed)[:MOST_TENSORS])  # those first that get none
    clean = _clean_gradients(m, m.reference) if m.reference is not None else {}
    tensors = []
    for name in filter(kept.__contains__, named):
        row = [name[:MOST_CHARACTERS], None if name in missed else _exponent(m.gradients[name])]
        tensors.append([*row, _exponent(clean[name])] if name in clean else row)
    return {"tensors": tensors, "of": len(named)}


def rows(m: Measurements) -> Data:
    """The weights of the first attention over the sentence's opening, averaged over its heads."""
    attentions = m.products_of(m.opening.repeat(2, 1)).attentions  # (2, T): of a batch of one, heads get lost
    if not attentions:
        return {}
    data: Data = {"chars": list(m.text[:T]), "matrix": _matrix(attentions[0].weights.mean(dim=0))}
    if (reference := m.reference) is not None:
        weights = reference.attention(reference.ids(m.text[:T]).repeat(2, 1))  # (N, T, T)
        data |= {"reference": _matrix(weights.mean(dim=0))} if weights is not None else {}
    return data


def norms(m: Measurements) -> Data:
    """The norm of each row of the table of positions as it starts, and the mean norm of a token's row.

    None where the table was never set: what its memory held says nothing.
    """
    values, table = m.initial.parameters.values, m.position_table
    if table is None or table.name not in values:
        return {}
    data = _norms(values, table, _token_rows(values, m.token_table, V=m.V))
    if table.name in m.initial.uninitialised:
        data["rows"] = [None] * len(data["rows"])
    if (reference := m.reference) is not None:
        data |= _clean_norms(m, reference)
    return data


def _clean_norms(m: Measurements, reference: Reference) -> Data:
    gradients, ids = _clean_gradients(m, reference), gradient_ids(reference.vocabulary, m.subject.seed)
    tokens = set(ids.flatten().tolist())
    table = find_position_table(gradients, T=ids.shape[1], tokens=tokens)
    if table is None:
        return {}
    V = reference.logits(ids).shape[-1]
    rows = _token_rows(reference.initial, find_token_table(gradients, tokens=tokens), V=V)
    return {"reference": _norms(reference.initial, table, rows)}


def _clean_gradients(m: Measurements, reference: Reference) -> dict[str, Tensor | None]:
    ids = gradient_ids(reference.vocabulary, m.subject.seed)
    return reference.gradients(ids, cotangent(ids, reference.logits(ids).shape[-1]))


def _norms(values: dict[str, Tensor], positions: Table, tokens: Tensor | None) -> Data:
    sizes = positions.rows(values[positions.name])[:MOST_POSITIONS].double().norm(dim=1)  # (positions,)
    data: Data = {"rows": [_short(size) for size in sizes.tolist()]}
    if tokens is not None:
        data["tokens"] = _short(float(tokens.double().norm(dim=1).mean()))
    return data


def _token_rows(values: dict[str, Tensor], table: Table | None, *, V: int) -> Tensor | None:
    """The rows of the table of tokens, which may be the head's as well: a gradient can't tell such a one."""
    if table is not None:
        return table.rows(values[table.name])  # (V, C)
    return next((value for value in values.values() if value.dim() == 2 and len(value) == V), None)


def _matrix(values: Tensor) -> list[list[float]]:
    """Of T rows and columns at most, to four places. Raises ValueError for one with a NaN or an infinity."""
    return [[round(_finite(value), 4) for value in row] for row in values[:T, :T].tolist()]


def _exponent(gradient: Tensor | None) -> float | None:
    """The power of ten of a gradient's root mean square; None for a gradient of zeros."""
    if gradient is None or not bool(gradient.any()):
        return None
    return round(math.log10(_finite(float(gradient.double().square().mean().sqrt()))), 1) + 0.0  # no -0.0


def _short(size: float) -> float | None:
    """Three digits are enough to draw a bar."""
    return float(f"{size:.3g}") if size < 1e30 else None


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError("not a number that can be drawn")
    return value
