"""The way of each bug through an attempt: broken, fixed in the file, seen by a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["broken", "file", "seen"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A part of a lane; milliseconds since the start of the hour."""

    start_ms: int
    end_ms: int
    kind: Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One bug's way. `fixed_ms`: in the file; `seen_ms`: first shown by a run; `now`: how it stands last."""

    slot: int
    spans: tuple[Span, ...]
    fixed_ms: int | None
    seen_ms: int | None
    now: Kind


@dataclass(frozen=True, slots=True)
class Said:
    """What a run said of one bug, and when."""

    at_ms: int
    status: str  # fixed | broken | blocked
    fixed_ms: int | None  # when the fix that it saw was made, if the edits tell


def lane(slot: int, said: Sequence[Said], *, begins_ms: int = 0, end_ms: int, clean_ms: int | None) -> Lane:
    """A lane from what the runs said, in their order; a run that can't tell changes nothing.

    `clean_ms` is since when the last draft reads clean, if it does: a fix that no run has seen.
    """
    way = _Way(begins_ms)
    for one in said:
        if one.status == "fixed" and way.now != "seen":
            way.seen(one)
        elif one.status == "broken" and way.now == "seen":
            way.go_on(one.at_ms, "broken")
    denied = any(one.status == "broken" and clean_ms is not None and one.at_ms >= clean_ms for one in said)
    if way.now != "seen" and clean_ms is not None and not denied:
        way.fixed(clean_ms)
    way.go_on(end_ms, way.now)
    return Lane(slot=slot, spans=tuple(way.spans), fixed_ms=way.fixed_ms, seen_ms=way.seen_ms, now=way.now)


class _Way:
    """A lane while it is drawn, from the left."""

    def __init__(self, begins_ms: int) -> None:
        self.spans: list[Span] = []
        self.now: Kind = "broken"
        self.fixed_ms: int | None = None
        self.seen_ms: int | None = None
        self._from_ms = begins_ms

    def go_on(self, until_ms: int, then: Kind) -> None:
        """Draw what is now up to a time; from there on it is something else."""
        if until_ms > self._from_ms:
            self.spans.append(Span(start_ms=self._from_ms, end_ms=until_ms, kind=self.now))
            self._from_ms = until_ms
        self.now = then

    def fixed(self, at_ms: int) -> None:
        at_ms = max(at_ms, self._from_ms)
        self.go_on(at_ms, "file")
        self.fixed_ms = at_ms if self.fixed_ms is None else self.fixed_ms

    def seen(self, one: Said) -> None:
        if one.fixed_ms is not None and one.fixed_ms <= one.at_ms:
            self.fixed(one.fixed_ms)
        self.go_on(one.at_ms, "seen")
        self.seen_ms = one.at_ms if self.seen_ms is None else self.seen_ms
