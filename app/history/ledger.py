"""The ledger of an attempt, each sentence beside the bug that it speaks of."""

from __future__ import annotations

from collections.abc import Sequence

from app.history.places import is_within, place_of
from app.history.record import Record
from app.history.views import Sentence
from app.history.watch import Planted, Watched
from app.models import Explanation


def sentences(record: Record, watched: Watched, planted: Sequence[Planted]) -> list[Sentence]:
    """In the order of writing; without `planted` no sentence is put beside a bug."""
    return [
        Sentence(
            id=one.id,
            at_ms=one.at_ms - record.start,
            text=one.sentence,
            slot=_slot(one, watched.sightings[one.draft_seq].text, planted),
            marks=one.marks,
        )
        for one in record.explanations
    ]


def _slot(explanation: Explanation, text: str, planted: Sequence[Planted]) -> int | None:
    """The bug of the definition that was changed; where it holds several, the nearest."""
    said = explanation.hunk.get("lines")
    changed = [line for line in said if isinstance(line, int)] if isinstance(said, list) else []
    lines = text.split("\n")
    for line in changed:
        near = [bug for bug in planted if is_within(place_of(lines, line), (bug.place,))]
        if near:
            return min(near, key=lambda bug: _distance(text, bug, line)).slot
    return None


def _distance(text: str, bug: Planted, line: int) -> float:
    """Lines between a change and a bug, or what stands in the bug's place; far where neither is found."""
    for known in (bug.clean, bug.bugged):
        if (at := text.find(known)) >= 0:
            return abs(text.count("\n", 0, at) + 1 - line)
    return float("inf")
