"""Parity of a model over caches with itself without any: fed in several patterns, compared place by place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sandbox.cached_generation import words_of
from sandbox.calls import CandidateFault
from sandbox.divergence import First, first_divergence
from sandbox.measurements import Measurements
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
    stopped: str | None  # in words, where the program raised or answered in another form

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


def plain(m: Measurements) -> Tensor:
    """The logits without caches, asked for anew: (1, T, V)."""
    return m.drawn.logits(text(m, "prefill"))


def once_more(m: Measurements, name: str) -> tuple[Tensor, Tensor]:
    """The same tokens fed twice, over new caches each time, another text between: both (B, T, V).

    Raises CandidateFault and Unlike.
    """
    plan, ids = PATTERNS[name], text(m, name)
    between = m.ids(1, T, salt=8)
    before = joined(m.drawn.fed(ids, plan), ids, plan)
    m.drawn.fed(between, plan)
    return before, joined(m.drawn.fed(ids, plan), ids, plan)


def lengths(m: Measurements, name: str) -> list[list[int]]:
    """What the caches say they hold after each step of a pattern. Raises CandidateFault."""
    return m.drawn.fed(text(m, name), PATTERNS[name]).lengths
