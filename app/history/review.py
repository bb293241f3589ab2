"""Builds a review from what an attempt kept, so that it reads the same when the pack has changed since."""

from __future__ import annotations

import ast
import asyncio
from collections.abc import Sequence

from app.access import Seat
from app.deadlines import GRACE_MS
from app.history.changes import steps
from app.history.headline import Facts, headline
from app.history.lanes import Lane, Said, lane
from app.history.ledger import sentences
from app.history.places import marked_places, place_of
from app.history.proof import own_proof
from app.history.record import Record, load_record
from app.history.replay import replay
from app.history.timing import edited_since, offset, times, told_at, verified
from app.history.views import Debrief, HintTaken, Review, Sentence
from app.history.watch import Planted, Watched, watch
from app.sight import RunSummary, Sight, run_summary
from app.web.markdown import as_html
from app.web.parts import Parts


async def review(parts: Parts, seat: Seat) -> Review:
    """The review of an attempt as its member may see it now."""
    async with parts.db.read() as session:
        record = await load_record(session, seat.attempt_id)
    return await asyncio.to_thread(_review, record, seat, parts.clock.now())


def _review(record: Record, seat: Seat, now: int) -> Review:
    attempt, stage, seen = record.attempt, record.stage, seat.sight
    end_ms = record.ended_at(now) - stage.started_at
    watched = _watch(record, seen, end_ms=end_ms)
    runs = [run_summary(run, seen, slots=stage.variant["bugs"]) for run in record.runs]
    lanes = _lanes(record, seen, runs, watched, end_ms=end_ms) if seen.verdict else []
    ledger = sentences(record, watched, _planted(record) if seen.key else [])
    look, words, sentence = headline(_facts(record, seen, runs, end_ms=end_ms))
    return Review(
        id=attempt.id,
        url=f"/attempts/{attempt.id}",
        title=stage.variant.get("title", stage.problem),
        mode=attempt.mode,
        state=attempt.state,
        tier=attempt.variant["tier"],
        seed=attempt.variant["seed"] if seen.verdict else None,
        marks=attempt.variant["marks"],
        minutes=attempt.options.get("minutes"),
        started_at=stage.started_at,
        ended_at=attempt.finished_at,
        revealed_at=attempt.revealed_at,
        key=seen.key,
        judged=seen.verdict,
        look=look,
        headline=words,
        sentence=sentence,
        verified=verified(record) if seen.verdict else None,
        proof=own_proof(runs, start=stage.started_at),
        runs=runs,
        times=times(record, runs, watched, end_ms=end_ms),
        lanes=lanes,
        hints=_hints(record),
        ledger=ledger,
        bugs=_debriefs(record, ledger) if seen.key else [],
        steps=steps(record, seen),
    )


def _facts(record: Record, seen: Sight, runs: Sequence[RunSummary], *, end_ms: int) -> Facts:
    stage = record.stage
    return Facts(
        state=record.attempt.state,
        hidden=not seen.verdict,
        runs=runs,
        edited_since=edited_since(record),
        right_but_unseen=seen.key and _says_the_same(record.last_text, record.shape),
        started_at=stage.started_at,
        left_ms=None if stage.deadline_at is None else stage.deadline_at - stage.started_at - end_ms,
    )


def _watch(record: Record, seen: Sight, *, end_ms: int) -> Watched:
    start = record.stage.started_at
    planted = _planted(record)
    marked = marked_places(record.starter)
    if not marked and seen.key:
        marked = frozenset(bug.place for bug in planted)
    stops = {run.draft_seq for run in record.runs} | {one.draft_seq for one in record.explanations}
    return watch(
        record.starter,
        replay(record.starter, record.edits),
        planted=planted if seen.key else [],
        marked=marked,
        stops=stops,
        start_ms=start,
        end_ms=start + end_ms + GRACE_MS,
    )


def _planted(record: Record) -> list[Planted]:
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


def _lanes(
    record: Record, seen: Sight, runs: Sequence[RunSummary], watched: Watched, *, end_ms: int
) -> list[Lane]:
    start = record.stage.started_at
    lanes = []
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
        clean = watched.last.clean_since.get(slot) if seen.key else None
        lanes.append(lane(slot, said, end_ms=end_ms, clean_ms=offset(clean, start)))
    return lanes


def _status(summary: RunSummary, slot: int) -> str | None:
    for bug in (summary.verdict or {}).get("bugs", ()):
        if bug["slot"] == slot:
            status: str = bug["status"]
            return status
    return None


def _says_the_same(text: str, shape: str) -> bool:
    """Whether a text is the clean program, comments and layout apart."""
    try:
        return ast.dump(ast.parse(text)) == ast.dump(ast.parse(shape))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def _hints(record: Record) -> list[HintTaken]:
    texts = {bug["slot"]: bug["hints"] for bug in record.bugs}
    return [
        HintTaken(
            slot=hint.slot,
            rung=hint.rung,
            text=texts[hint.slot][hint.rung - 1],
            at_ms=hint.at_ms - record.stage.started_at,
        )
        for hint in record.hints
    ]


def _debriefs(record: Record, ledger: Sequence[Sentence]) -> list[Debrief]:
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
