"""Reads off the gradients at the logits which token each position was trained to predict."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import cosine_similarity, one_hot

from sandbox.smoothing import smoothed
from sandbox.training import Forward

_SURE = 0.999  # a probability at which the gradient may vanish in float32; a cosine of like directions
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
    if logits.shape[:-1] == (B, answered) or not forward.is_time_first(text):
        logits, gradient = logits.reshape(B, answered, V), gradient.reshape(B, answered, V)
    else:
        logits, gradient = (
            part.reshape(answered, B, V).transpose(0, 1) for part in (logits, gradient)
        )  # (B, T, V)
    seen = _Seen(logits.double(), gradient.double())
    for b, row in enumerate(ids.tolist()):
        for t in range(answered):
            context = tuple(row[: first + t + 1])
            if seen.pulled[b][t]:
                yield seen.pull(context, b, t)
            elif seen.known[b][t]:
                yield Pull(context, None, row=b)


class _Seen:
    """What the gradients at (B, T, V) logits say, computed for all places at once."""

    def __init__(self, logits: Tensor, gradient: Tensor):
        probabilities = logits.softmax(dim=-1)
        targets = gradient.argmin(dim=-1)  # (B, T)
        expected = probabilities - one_hot(targets, logits.shape[-1])  # a cross-entropy's gradient
        off = gradient.any(dim=-1) & (cosine_similarity(gradient, expected, dim=-1) < _SURE)  # (B, T)
        if bool(off.any()):
            smooth = smoothed(probabilities[off], gradient[off])
            if bool(smooth.fits.all()):  # by chance, another loss looks like it at some places
                targets[off], expected[off] = smooth.targets, smooth.expected
        self.pulled = gradient.any(dim=-1).tolist()
        self.known = (probabilities.amax(dim=-1) > _SURE).tolist()
        self._targets = targets.tolist()
        self._sizes, self._wholes = gradient.norm(dim=-1).tolist(), expected.norm(dim=-1).tolist()
        self._products = (gradient * expected).sum(dim=-1).tolist()
        self._sums = gradient.sum(dim=-1).abs().tolist()

    def pull(self, context: tuple[int, ...], b: int, t: int) -> Pull:
        target, size, whole = self._targets[b][t], self._sizes[b][t], self._wholes[b][t]
        if whole < 1 - _SURE:  # learned so well that rounding is all there is
            return Pull(context, target, row=b)
        cosine = self._products[b][t] / (size * whole)
        return Pull(context, target, size / whole, cosine, self._sums[b][t] / size, row=b)


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
