"""Reads off the gradients at the logits which token each position was trained to predict."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from sandbox.subject import Forward

_SURE = 0.999  # a probability at which the gradient may vanish in float32
_FAINT = 0.05  # of the largest gradient


@dataclass(frozen=True)
class Pull:
    """What the loss did at one position of a forward pass."""

    context: tuple[int, ...]  # the tokens up to and including this position, as fed
    target: int | None  # the token whose logit the loss pulls up most; None where nothing is left to learn
    size: float | None = None  # length of the gradient over that of the cross-entropy to `target`
    alignment: float = 1.0  # cosine between the two
    imbalance: float = 0.0  # |sum of the gradient| / length: 0 for every loss on a softmax
    row: int = 0  # of the batch


def pulls(forward: Forward, *, text: list[int]) -> list[Pull]:
    """One for each position that the loss asks something of, or that has nothing left to learn.

    Empty where ids and logits don't belong together. A gradient far smaller than the others asks for nothing:
    that is what a penalty on the size of logits leaves behind.
    """
    found = list(_every_pull(forward, text))
    largest = max((pull.size for pull in found if pull.size is not None), default=0.0)
    return [pull for pull in found if pull.size is None or pull.size > _FAINT * largest]


def _every_pull(forward: Forward, text: list[int]) -> Iterator[Pull]:
    ids, logits, gradient = forward.ids(text), forward.logits, forward.gradient
    if ids is None or gradient is None or not bool(gradient.isfinite().all()):
        return
    rows, V = logits.numel() // logits.shape[-1], logits.shape[-1]
    B, T = ids.shape
    answered = rows // B if rows % B == 0 else 0
    if not 0 < answered <= T:
        return
    # fewer logits than tokens: the first ones, or the last one alone
    first = T - 1 if answered == 1 else 0
    logits, gradient = logits.reshape(B, answered, V).double(), gradient.reshape(B, answered, V).double()
    for b in range(B):
        row = tuple(ids[b].tolist())
        for t in range(answered):
            g = gradient[b, t]
            known = logits[b, t].softmax(dim=-1)
            if bool(g.any()):
                yield replace(_pull(row[: first + t + 1], known, g), row=b)
            elif float(known.max()) > _SURE:
                yield Pull(row[: first + t + 1], None, row=b)


def _pull(context: tuple[int, ...], probabilities: Tensor, gradient: Tensor) -> Pull:
    target = int(gradient.argmin())
    expected = probabilities.clone()
    expected[target] -= 1
    size, whole = float(gradient.norm()), float(expected.norm())
    if whole < 1 - _SURE:  # learned so well that rounding is all there is
        return Pull(context, target)
    cosine = float(torch.dot(gradient, expected)) / (size * whole)
    return Pull(context, target, size / whole, cosine, abs(float(gradient.sum())) / size)


def followers(text: list[int], context: tuple[int, ...]) -> set[int] | None:
    """The tokens that follow the end of the context in the text, by the longest end that occurs there.

    Empty at the text's own end; None for a token that the text does not hold (a mark for its beginning, say).
    """
    for length in range(min(3, len(context)), 0, -1):
        end = list(context[-length:])
        places = [i + length for i in range(len(text) - length + 1) if text[i : i + length] == end]
        if places:
            return {text[i] for i in places if i < len(text)}
    return None
