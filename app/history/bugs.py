"""The bugs of a stage, looked back on: the way of each, what it took, and what it was."""

from __future__ import annotations

from collections.abc import Sequence

from app.attempts.interviewer import NOTHING_LEFT, UNSURE, cost_minutes
from app.history.lanes import Lane, Said, lane
from app.history.places import place_of
from app.history.record import Record
from app.history.timing import offset, told_at
from app.history.views import Debrief, HintTaken, Sentence, Tally
from app.history.watch import Planted, Watched
from app.sight import RunSummary, Sight
from app.web.markdown import as_html


def planted(record: Record) -> list[Planted]:
    """Each bug with the definition that it stands in."""
    lines = record.starter.split("\n")
    return [
        Planted(
            slot=bug["slot"],
            place=place_of(lines, bug["line"]),
            clean=bug["find"],
            bugged=bug["replace"],
        )
        for bug in record.bugs
    ]


def lanes(
    record: Record, seen: Sight, runs: Sequence[RunSummary], watched: Watched, *, end_ms: int
) -> list[Lane]:
    """The way of each bug."""
    start = record.start
    found = []
    for bug in record.bugs:
        slot = bug["slot"]
        said = [
            Said(
                at_ms=told_at(summary, start),
                status=status,
                fixed_ms=offset(watched.sightings[run.draft_seq].fixed_at(slot), start),
            )
            for run, summary in zip(record.runs, runs, strict=True)
            if (status := _status(summary, slot)) is not None
        ]
        clean = offset(watched.last.clean_since.get(slot) if seen.key else None, start)
        found.append(lane(slot, said, begins_ms=record.begins_ms, end_ms=end_ms, clean_ms=clean))
    return found


def _status(summary: RunSummary, slot: int) -> str | None:
    for bug in (summary.verdict or {}).get("bugs", ()):
        if bug["slot"] == slot:
            status: str = bug["status"]
            return status
    return None


def hints(record: Record, seen: Sight) -> list[HintTaken]:
    """Those that were taken; in an open mock without the slot, which would number what is not told."""
    texts = {bug["slot"]: bug["hints"] for bug in record.bugs}
    counted = record.attempt.mode == "mock"
    return [
        HintTaken(
            slot=hint.slot if seen.verdict and hint.slot != NOTHING_LEFT else None,
            rung=hint.rung,
            text=UNSURE if hint.slot == NOTHING_LEFT else texts[hint.slot][hint.rung - 1],
            at_ms=hint.at_ms - record.start,
            cost_minutes=cost_minutes(hint.slot, hint.rung) if counted else 0,
        )
        for hint in record.hints
    ]


def tallies(
    record: Record, ways: Sequence[Lane], runs: Sequence[RunSummary], watched: Watched, seen: Sight
) -> list[Tally]:
    """What each bug took."""
    places = {bug.slot: bug.place for bug in planted(record)}
    taken = hints(record, seen)
    return [
        Tally(
            slot=way.slot,
            runs=sum(way.seen_ms is None or told_at(run, record.start) <= way.seen_ms for run in runs),
            hints=sum(hint.slot == way.slot for hint in taken),
            cost_minutes=sum(hint.cost_minutes for hint in taken if hint.slot == way.slot),
            spent_ms=watched.work.spent_on(places[way.slot]) if seen.key else None,
            touched_ms=offset(watched.last.touched_at.get(way.slot), record.start),
        )
        for way in ways
    ]


def debriefs(record: Record, ledger: Sequence[Sentence]) -> list[Debrief]:
    """Each bug, told."""
    return [
        Debrief(
            slot=bug["slot"],
            id=bug["id"],
            title=bug["title"],
            family=bug["family"],
            component=bug["component"],
            mechanism=bug["mechanism"],
            why=bug["why"],
            line=bug["line"],
            clean=bug["find"],
            bugged=bug["replace"],
            debrief_html=as_html(bug["debrief"]),
            source=bug.get("source", ""),  # rounds issued before bugs had one have none
            yours=[one.text for one in ledger if one.slot == bug["slot"]],
        )
        for bug in record.bugs
    ]
