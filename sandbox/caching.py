"""Parity of a model over caches with itself without any: fed in several patterns, compared place by place."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from sandbox.cached_generation import words_of
from sandbox.calls import CandidateFault
from sandbox.divergence import First, first_divergence
from sandbox.measurements import STD, Measurements
from sandbox.remote import Fed, RemoteModel

T = 15  # tokens of a parity text: no usual size of a head, so that products tell scores from values
PATTERNS = {  # tokens at each step
    "single": (1,) * T,
    "prefill": (7, *(1,) * 8),
    "chunks": (3, 4, 1, 4, 3),
    "mixed": (5, 1, 1, 3, 1, 4),
    "batch": (7, *(1,) * 8),
    "long": (50, 1, 30, 1, 38),  # all that a program is promised
}
ROWS = {"batch": 2}  # texts at once; one in every other pattern
_MOST = 1e6  # what a table can show; also what is not a number


class CachedMeasurements(Measurements):
    """The same of a model that takes caches: in float64 only where it is fed there as it is in float32.

    Caches are often made in float32, whatever they are given, and a mask over them too.
    """

    def _answers_as_in_single(self, model: RemoteModel) -> bool:
        return super()._answers_as_in_single(model) and self._is_fed_as_in_single(model)

    def _is_fed_as_in_single(self, model: RemoteModel) -> bool:
        """Over a long text in steps of all kinds; over a short one where float32 does not get through it."""
        for name in ("long", "prefill"):
            if (single := self._fed(self.drawn_single, name)) is not None:
                double = self._fed(model, name)
                near = 1e-3 * max(1.0, float(single.std()))
                return double is not None and bool(difference(double, single).max() <= near)
        return True

    def _fed(self, model: RemoteModel, name: str) -> Tensor | None:
        """A copy's logits over caches, since feeding leaves traces; None where it comes to no end."""
        plan, ids = PATTERNS[name], text(self, name)
        try:
            return joined(model.copied().fed(ids, plan), ids, plan)
        except CandidateFault as fault:
            if fault.fatal:
                raise
        except Unlike:
            pass
        return None


@dataclass(frozen=True)
class Parity:
    """One pattern: how far the logits over caches are from those without, at each place."""

    plan: tuple[int, ...]
    tolerance: float
    sizes: Tensor  # (T,), the largest difference of any logit; empty where it stopped
    first: First | None
    stopped: str | None  # in words, where it raised, answered in another form or began with full caches

    @property
    def holds(self) -> bool:
        return self.stopped is None and self.first is None

    @property
    def largest(self) -> float | None:
        return float(self.sizes.max()) if len(self.sizes) else None

    @property
    def table(self) -> dict[str, Any]:
        """What a picture is drawn from."""
        return {
            "pattern": list(self.plan),
            "tolerance": self.tolerance,
            "sizes": [float(f"{size:.3g}") for size in self.sizes.tolist()],
            "first": self.first.table if self.first else None,
        }


def parity(m: Measurements, name: str) -> Parity:
    """The parity of a pattern; measured once."""
    return m.subject.once(f"parity {name}", lambda: _measure(m, name))


def text(m: Measurements, name: str) -> Tensor:
    """The tokens that a pattern is tried on: (B, its length). Rows of a batch differ."""
    return m.ids(ROWS.get(name, 1), sum(PATTERNS[name]), salt=7)


def _measure(m: Measurements, name: str) -> Parity:
    found = _compare(m, name)
    if not found.holds and (full := begins_full(m.drawn)):
        return replace(found, stopped=full)
    return found


def _compare(m: Measurements, name: str) -> Parity:
    plan, ids, limit = PATTERNS[name], text(m, name), m.tolerance
    without = m.drawn.logits(ids)  # (B, T, V)
    try:
        fed = m.drawn.fed(ids, plan)
        sizes = difference(joined(fed, ids, plan), without).amax(dim=0)  # (T,)
    except CandidateFault as fault:
        return Parity(plan, limit, torch.zeros(0), None, words_of(fault))
    except Unlike as error:
        return Parity(plan, limit, torch.zeros(0), None, str(error))
    first = None
    if bool((sizes > limit).any()):
        first = first_divergence(m, ids, plan, fed=fed, sizes=sizes, limit=limit)
    return Parity(plan, limit, sizes, first, None)


class Unlike(ValueError):
    """The logits of a step have a form of their own; the message says which."""


def joined(fed: Fed, ids: Tensor, plan: tuple[int, ...]) -> Tensor:
    """The logits of all steps one behind the other: (B, T, V). Raises Unlike."""
    for step, (logits, size) in enumerate(zip(fed.logits, plan, strict=True)):
        found, right = tuple(logits.shape), (len(ids), size)
        if len(found) != 3 or found[:2] != right:
            raise Unlike(
                f"At step {step}, {size} tokens over a cache of {sum(plan[:step])}, the logits have shape"
                f" {found}. It must be ({right[0]}, {right[1]}, vocab)."
            )
    return torch.cat(fed.logits, dim=1)


def difference(over_caches: Tensor, plain: Tensor) -> Tensor:
    """The largest difference of any logit at each place: (B, T). What is not a number is as far as can be."""
    if over_caches.shape != plain.shape:
        raise Unlike(
            f"Over caches the logits score {over_caches.shape[-1]} tokens; without, {plain.shape[-1]}."
        )
    far = (over_caches.double() - plain.double()).abs().amax(dim=-1)
    return far.nan_to_num(nan=_MOST, posinf=_MOST).clamp_max(_MOST)


def begins_full(model: RemoteModel) -> str | None:
    """In words, where caches that were just made say that they hold something."""
    try:
        (begin,) = model.fed(torch.zeros(1, 0, dtype=torch.int64), ()).lengths
    except CandidateFault as fault:
        if fault.fatal:
            raise
        return None  # a length that can't be told while there is none is for `cache_length`
    layer = next((layer for layer, length in enumerate(begin) if length), None)
    if layer is None:
        return None
    return f"New caches begin with {begin[layer]} tokens in layer {layer}. They must be empty."


def untouched(m: Measurements) -> RemoteModel:
    """The drawn model once more, which no cache has ever been made for."""
    return m.redrawn(m.initial.model, std=STD, seed=1, dtype=m.drawn.dtype)


def plain(m: Measurements, model: RemoteModel) -> Tensor:
    """The logits without caches: (1, T, V)."""
    return model.logits(text(m, "prefill"))


def fed_once(m: Measurements, model: RemoteModel, *, salt: int) -> Tensor:
    """The logits of a text over new caches: (1, T, V). Raises CandidateFault and Unlike."""
    ids = m.ids(1, T, salt=salt)
    return joined(model.fed(ids, PATTERNS["prefill"]), ids, PATTERNS["prefill"])


def lengths(m: Measurements, name: str) -> list[list[int]]:
    """What the caches say they hold after each step of a pattern. Raises CandidateFault."""
    return m.drawn.fed(text(m, name), PATTERNS[name]).lengths
