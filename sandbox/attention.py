"""Finds the attentions in what a forward pass computed, and reads heads, scale and use off them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor

from sandbox.remote import Tap

_SAME = 1e-6  # 1 - |correlation| below which two columns are the same numbers


@dataclass(frozen=True)
class Attention:
    """One softmax(scores) @ v: what stood in it, in the order (batch * heads) or as torch kept it."""

    at: int  # index of its scores among the taps
    end: int  # index of the product with its values
    q: Tensor  # (N, T, d)
    k: Tensor  # (N, T, d)
    v: Tensor  # (N, T, d)
    weights: Tensor  # (N, T, T): what the values were multiplied with

    @property
    def varies(self) -> bool:
        """Whether the weights of the last position depend on the text."""
        last = self.weights[:, -1]  # (N, T)
        return float((last - last[:1]).abs().max()) > 1e-9


def find_attentions(taps: list[Tap], *, T: int) -> list[Attention]:
    """Pairs each product (N, T, d) @ (N, d, T) with the next (N, T, T) @ (N, T, d).

    Heads that share keys may stand side by side among the rows, (N, H * T, d): so einsum folds them.
    """
    found = []
    for at, tap in enumerate(taps):
        if tap.op == "attention":
            found.append(_fused(at, tap))
        elif _is_scores(tap, T=T):
            later = enumerate(taps[at + 1 :], at + 1)
            end, values = next(((i, t) for i, t in later if _is_values(t, tap, T=T)), (at, None))
            if values is not None:
                found.append(_attention(at, tap, end, values, T=T))
    return found


def _is_scores(tap: Tap, *, T: int) -> bool:
    out = tap.tensors.get("out")
    if len(tap.tensors) != 3 or out is None or out.dim() != 3 or out.shape[2] != T:
        return False
    return out.shape[1] % T == 0


def _is_values(tap: Tap, scores: Tap, *, T: int) -> bool:
    left = tap.tensors.get("left")
    same = left is not None and left.shape == scores.tensors["out"].shape
    return same and len(tap.tensors) == 3 and tap.tensors["right"].dim() == 3


def _attention(at: int, scores: Tap, end: int, values: Tap, *, T: int) -> Attention:
    q, k = scores.tensors["left"], scores.tensors["right"].mT
    weights, v = values.tensors["left"], values.tensors["right"]
    shared = q.shape[1] // T  # heads to a key
    if shared > 1:
        weights = max(_unfolded(weights, T=T), key=lambda rows: int((rows == 0).triu(1).sum()))
        orders = zip(_unfolded(q, T=T), _unfolded(scores.tensors["out"], T=T), strict=True)
        q = max(orders, key=lambda order: _agreement(order[1], weights))[0]
        k, v = (part.repeat_interleave(shared, dim=0) for part in (k, v))
    return Attention(at, end, q, k, v, weights)


def _unfolded(part: Tensor, *, T: int) -> tuple[Tensor, Tensor]:
    """(N, H * T, n) with a row for each head and place as (N * H, T, n): heads outside, or places outside."""
    N, _, n = part.shape
    return part.reshape(-1, T, n), part.reshape(N, T, -1, n).transpose(1, 2).reshape(-1, T, n)


def _agreement(scores: Tensor, weights: Tensor) -> float:
    """How much scores and logarithms of weights, both (N, T, T), rise and fall together along the rows."""
    seen = weights > 0
    count = seen.sum(dim=-1, keepdim=True).clamp_min(1)
    visible = [torch.where(seen, part, 0.0) for part in (scores, weights.clamp_min(1e-30).log())]
    centred = [torch.where(seen, part - part.sum(dim=-1, keepdim=True) / count, 0.0) for part in visible]
    return float((centred[0] * centred[1]).sum())


def _fused(at: int, tap: Tap) -> Attention:
    heads = tap.tensors["q"].shape[-3]
    parts = (tap.tensors[side] for side in "qkv")  # keys and values may have fewer heads than queries
    parts = (part.repeat_interleave(heads // part.shape[-3], dim=-3) for part in parts)
    q, k, v = (part.flatten(0, -3) for part in parts)  # (B * H, T, d)
    scale = tap.scale if tap.scale is not None else q.shape[-1] ** -0.5
    scores = q @ k.mT * scale
    if tap.is_causal:
        scores = scores.masked_fill(torch.ones_like(scores[0]).triu(1).bool(), -torch.inf)
    if "mask" in tap.tensors:
        mask = tap.tensors["mask"]
        shape = (*tap.tensors["q"].shape[:-1], k.shape[-2])
        scores = scores + mask.expand(shape).flatten(0, -3)
    return Attention(at, at, q, k, v, scores.softmax(dim=-1))


def projections(taps: list[Tap], attentions: list[Attention], which: int) -> list[Tap]:
    """The products with a weight between the attention before this one and the end of this one."""
    start = attentions[which - 1].end + 1 if which else 0
    return [tap for tap in taps[start : attentions[which].end] if tap.is_linear]


@dataclass(frozen=True)
class Source:
    """Where the columns of a q, k or v come from: a constant times columns of one projection."""

    tap: Tap
    columns: tuple[int, ...]  # heads one after the other
    factor: float  # what the projection was multiplied by on its way
    by_batch: bool  # the attention's N counts batch * heads; else heads * batch


def find_source(part: Tensor, taps: list[Tap], *, B: int) -> Source | None:
    """The projection whose columns at position 0 are, up to one factor, those of `part` (N, T, d).

    Position 0 alone, because rotary embeddings leave it as it is. Correlation over the batch, because a bias
    may be added on the way.
    """
    return _find(part[:, 0], taps, "out", B=B, T=part.shape[1], at=0)


def is_made_of(part: Tensor, tap: Tap, *, B: int, at: int) -> bool:
    """Whether columns of `part` (N, d) are columns of the product at a position, each by a factor."""
    N, d = part.shape
    columns = part.reshape(B, -1) if N % B == 0 else part  # (B, H * d)
    other = part.reshape(-1, B, d).transpose(0, 1).flatten(1) if N % B == 0 else part
    every = tap.tensors["out"]
    T = len(every) // B
    return any(
        _alike(order, rows) is not None
        for order in (columns, other)
        for rows in (every[at::T], every[at * B : (at + 1) * B])
    )


def find_reader(attention: Attention, taps: list[Tap], *, B: int) -> Tap | None:
    """The product that maps what the heads of an attention took, as they took it."""
    taken = attention.weights @ attention.v  # (N, T, d)
    T = taken.shape[1]
    found = _find(taken[:, -1], taps, "left", B=B, T=T, at=T - 1)
    return found.tap if found else None


def _find(part: Tensor, taps: list[Tap], side: str, *, B: int, T: int, at: int) -> Source | None:
    """The product among whose columns on one side, at one position, are those of `part` (N, d)."""
    N, d = part.shape
    if N % B:
        return None
    orders = {
        True: part.reshape(B, -1),
        False: part.reshape(-1, B, d).transpose(0, 1).flatten(1),
    }  # (B, H * d)
    for tap, rows_by_batch, heads_by_batch in itertools.product(taps, (True, False), (True, False)):
        every = tap.tensors[side]
        if len(every) == B * T:
            rows = every[at::T] if rows_by_batch else every[at * B : (at + 1) * B]
            if matched := _match(orders[heads_by_batch], rows):
                return Source(tap, *matched, heads_by_batch)
    return None


def _match(part: Tensor, rows: Tensor) -> tuple[tuple[int, ...], float] | None:
    """Columns of `rows` (B, n) that `part` (B, m) consists of, and the one factor between them."""
    column = _alike(part, rows)
    if column is None:
        return None
    part, rows = part - part.mean(0), rows - rows.mean(0)
    factors = (part * rows[:, column]).sum(0) / rows[:, column].square().sum(0)
    if not bool((factors - factors[0]).abs().max() <= 1e-4 * factors[0].abs()):
        return None
    return tuple(column.tolist()), float(factors[0])


def _alike(part: Tensor, rows: Tensor) -> Tensor | None:
    """For each column of `part` (B, m) the one of `rows` (B, n) that is it by a factor; None without one."""
    part, rows = part - part.mean(0), rows - rows.mean(0)
    lengths, first = rows.norm(dim=0), part[:, 0]  # (n,), (B,)
    likest = (first @ rows).abs() / (first.norm() * lengths).clamp_min(1e-30)
    if not float(likest.max()) > 1 - _SAME:  # for nearly all products that settles it
        return None
    sizes = part.norm(dim=0)[:, None] * lengths  # (m, n)
    best, column = ((part.T @ rows) / sizes.clamp_min(1e-30)).abs().max(dim=1)
    return column if bool((best > 1 - _SAME).all()) else None


def measured_scale(attention: Attention, taps: list[Tap], *, B: int) -> float | None:
    """What a score grows by per unit of q . k of the projections; None where that can't be told."""
    q, k = find_source(attention.q, taps, B=B), find_source(attention.k, taps, B=B)
    if q is None or k is None:
        return None
    weights, products = attention.weights[:, -1], (attention.q @ attention.k.mT)[:, -1]  # (N, T)
    if not q.by_batch:
        weights, products = (
            x.reshape(-1, B, x.shape[1]).transpose(0, 1).flatten(0, 1) for x in (weights, products)
        )
    slope = _slope(weights, products, B=B)
    return None if slope is None else slope * q.factor * k.factor


def _slope(weights: Tensor, products: Tensor, *, B: int) -> float | None:
    """Regresses differences of log weights on those of the products, both (B * H, T) of the last query.

    A bias that depends on the two positions and the head alone drops out with the mean over the batch.
    """
    visible = (weights > 0).all(dim=0).nonzero().flatten().tolist()
    if len(visible) < 2:
        return None
    i, j = visible[0], visible[1]
    y = (weights[:, i].log() - weights[:, j].log()).view(B, -1)  # (B, H)
    x = (products[:, i] - products[:, j]).view(B, -1)
    x, y = x - x.mean(0), y - y.mean(0)
    slope = float((x * y).sum() / x.square().sum())
    left = float((y - slope * x).square().sum() / y.square().sum().clamp_min(1e-30))
    return slope if left < 1e-3 else None
