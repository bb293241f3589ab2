"""Tells how a classifier makes one representation of a text out of those of its tokens.

Looks at the drawn model with all that mixes tokens silenced and positions at zero: there a token's
representation depends on that token alone, and the logits show what is made of several.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from sandbox.classification import Classification
from sandbox.measurements import T
from sandbox.remote import RemoteModel
from sandbox.responses import tolerance

Kind = Literal["mean", "last", "first", "other"]
A, B = 0, 2  # two tokens


@dataclass(frozen=True)
class Pooling:
    """`repeated`: how far the logits of a token move when it is said two and four times instead of once.
    `stretched`: how far those of a text move when one of its tokens is embedded three times as long.
    `left_out`: the tokens of a text that are not in the mean, where all others are in it alike."""

    kind: Kind
    repeated: float
    stretched: float
    left_out: list[int]
    slack: float  # below it two logits are the same


def find_pooling(m: Classification) -> Pooling | None:
    """How texts are pooled; None where silence leaves no token to be heard, or positions stay."""
    return m.subject.once("pooling", lambda: _find(m))


def growth(m: Classification) -> float:
    """Of the logits of one token said 8, 16 and 32 times: the second difference over the first.

    2 for a sum, below 1 for what comes to rest; 0 where nothing moves.
    """
    model = m.drawn.without([m.position_table.name]) if m.position_table else m.drawn
    some, more, most = (_logits(model, [A] * n) for n in (8, 16, 32))
    first, second = float((more - some).norm()), float((most - more).norm())
    return second / first if max(first, second) > 10 * m.tolerance else 0.0


def _find(m: Classification) -> Pooling | None:
    if not m.built_parameters.values:
        return None
    model = _silenced(m)
    a, b = _logits(model, [A]), _logits(model, [B])
    slack = 10 * tolerance(m.drawn, torch.stack([a, b]))
    if float((a - b).abs().max()) <= 10 * slack:
        return None
    repeated = max(float((_logits(model, [A] * n) - a).abs().max()) for n in (2, 4))
    if m.position_table is None and repeated > slack:
        return None  # positions by a formula may be what moved them
    return Pooling(
        kind=_kind(model, a, b, slack),
        repeated=repeated,
        stretched=_stretched(m, model),
        left_out=_left_out(model, slack),
        slack=slack,
    )


def _kind(model: RemoteModel, a: Tensor, b: Tensor, slack: float) -> Kind:
    found = {text: _logits(model, list(text)) for text in ((A, B, B), (B, A, A), (A, B, A))}

    def agrees(rule: dict[tuple[int, int, int], Tensor]) -> bool:
        return all(float((found[text] - right).abs().max()) <= slack for text, right in rule.items())

    if agrees({(A, B, B): (a + 2 * b) / 3, (B, A, A): (b + 2 * a) / 3, (A, B, A): (2 * a + b) / 3}):
        return "mean"
    if agrees({(A, B, B): b, (B, A, A): a, (A, B, A): a}):
        return "last"
    if agrees({(A, B, B): a, (B, A, A): b, (A, B, A): a}):
        return "first"
    return "other"


def _left_out(model: RemoteModel, slack: float) -> list[int]:
    """Tokens that a text of one other token takes in without a change, if several more change it, all alike.

    A text that is read off one token leaves all others out, and is no mean.
    """
    texts = torch.full((T + 1, T), B)
    texts[range(T), range(T)] = A
    logits = model.logits(texts, torch.ones_like(texts)).double()  # (T + 1, K)
    moved = logits[:-1] - logits[-1]  # (T, K)
    heard = moved.abs().amax(dim=-1) > 0.5 * slack
    alike = heard.sum() > 1 and float((moved[heard] - moved[heard][0]).abs().max()) <= 0.5 * slack
    return (~heard).nonzero().flatten().tolist() if alike else []


def _stretched(m: Classification, model: RemoteModel) -> float:
    """0 for representations that are normed before they are pooled."""
    table = m.token_table
    if table is None:
        return 0.0
    rows = model.parameters().values[table.name].clone()
    rows.movedim(table.dim, 0)[A] *= 3
    stretched = model.with_parameters({table.name: rows})
    return float((_logits(stretched, [A, B]) - _logits(model, [A, B])).abs().max())


def _logits(model: RemoteModel, text: list[int]) -> Tensor:
    """Of a text, less their mean: log-probabilities are then as the scores that they are of. (K,)"""
    ids = torch.tensor([text, text])  # twice: a batch of one is another matter
    logits = model.logits(ids, torch.ones_like(ids))[0].double()
    return logits - logits.mean()


def _silenced(m: Classification) -> RemoteModel:
    """The drawn model with no matrix but the table of tokens and the head; norms as they are made."""
    initial = m.built_parameters.values
    kept = {m.token_table.name if m.token_table else ""}
    values = {}
    for name, value in initial.items():
        if value.dim() >= 2 and name not in kept and m.K not in value.shape:
            values[name] = torch.zeros_like(value)
        elif value.dim() < 2:
            constant = value.numel() > 0 and bool((value == value.flatten()[0]).all())
            values[name] = value if constant else torch.zeros_like(value)
    return m.drawn.with_parameters(values)
