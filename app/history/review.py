"""Builds a review from what an attempt kept, so that it reads the same when the pack has changed since."""

from __future__ import annotations

import ast
import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.access import WRITERS, Seat
from app.attempts.plan import FOLLOW_UPS
from app.catalog import Catalog, Variant
from app.complexity.service import KIND, Gate, opens_more
from app.deadlines import GRACE_MS
from app.history.bugs import debriefs, hints, lanes, planted, tallies
from app.history.changes import steps
from app.history.follow_ups import of_gate, of_verdict
from app.history.headline import Facts, gate_headline, headline
from app.history.helped import helped
from app.history.ledger import sentences
from app.history.onward import DRILL, family_of, onward
from app.history.places import marked_places
from app.history.proof import own_proof
from app.history.reached import Result, gate_of, reached, results
from app.history.record import Record, load_record
from app.history.replay import replay
from app.history.timing import edited_since, times, verified
from app.history.views import Budget, Review, Way
from app.history.watch import Watched, watch
from app.history.ways import ways
from app.manner import Manner
from app.sight import RunSummary, Sight, run_summary
from app.web.parts import Parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What was kept of a stage, and of those beside it."""

    record: Record
    results: list[Result]
    gate: Gate | None


async def review(parts: Parts, seat: Seat, *, position: int = 0) -> Review:
    """The review of a stage as a member of its attempt may see it now.

    Raises NotFound for a stage that was not reached.
    """
    async with parts.db.read() as session:
        record = await load_record(session, seat.attempt_id, position=position)
        found = await results(session, record.stages, seat)
    kept = Kept(record=record, results=found, gate=await gate_of(parts, record.stages, seat))
    return await asyncio.to_thread(_told, kept, seat, parts.catalog, parts.clock.now())


def _told(kept: Kept, seat: Seat, catalog: Catalog, now: int) -> Review:
    """The review with what it makes of itself: how it went, and what is next."""
    made = _review(kept, seat, now)
    if not made.key:
        return made
    problem = catalog.problems.get(made.problem)
    tiers = catalog.tiers_of(made.problem)
    drilled = problem is not None and any(tier.name == DRILL for tier in tiers)
    families = {bug.family for bug in problem.bugs.values()} if problem and drilled else set()
    return replace(
        made,
        family=family_of(Variant.from_json(kept.record.attempt.variant), catalog),
        ways=_ways(made, kept),
        next=onward(made, families=families, tiers=tiers),
    )


def _review(kept: Kept, seat: Seat, now: int) -> Review:
    record = kept.record
    attempt, stage = record.attempt, record.stage
    seen = seat.sight_of(done=stage.finished_at is not None)
    end_ms = record.ended_at(now) - record.start
    watched = _watch(record, seen, end_ms=end_ms)
    runs = [run_summary(run, seen, slots=stage.variant["bugs"]) for run in record.runs]
    ledger = sentences(record, watched, planted(record) if seen.key else [])
    way = lanes(record, seen, runs, watched, end_ms=end_ms) if seen.verdict else []
    gate = kept.gate if stage.kind == KIND else None
    facts = _facts(record, seen, runs, end_ms=end_ms)
    if gate is None:
        look, words, sentence = headline(facts)
    else:
        look, words, sentence = gate_headline(gate, over=record.is_over, opens_more=opens_more(attempt))
    shown = verified(record) if seen.verdict else None
    manner = Manner.from_json(attempt.options)
    return Review(
        id=attempt.id,
        url=f"/attempts/{attempt.id}",
        position=stage.position,
        stage_id=stage.id,
        kind=stage.kind,
        problem=stage.problem,
        title=stage.variant.get("title", stage.problem),
        drawn_from=attempt.variant["problem"],
        drawn_marked=attempt.variant["marks"],
        mode=attempt.mode,
        state=attempt.state,
        tier=attempt.variant["tier"],
        family="",
        seed=attempt.variant["seed"] if seat.sight_of(done=False).verdict else None,
        marks=stage.variant["marks"],
        where="marked" if marked_places(record.starter) else "bugs" if seen.key and record.bugs else "any",
        minutes=manner.minutes,
        slow=manner.slow,
        extra_minutes=attempt.options.get("extra_minutes", 0),
        plan=_plan(record, told=seat.sight_of(done=False).verdict),
        stages=reached(record.stages, kept.results, kept.gate),
        over=record.is_over,
        mine=seat.role in WRITERS,
        started_at=record.start,
        hour_ms=_hour_ms(record, now),
        ended_at=attempt.finished_at,
        revealed_at=attempt.revealed_at,
        key=seen.key,
        judged=seen.verdict,
        look=look,
        headline=words,
        sentence=sentence,
        verified=shown,
        proof=own_proof(runs, start=record.start),
        runs=runs,
        budget=Budget(runs=len(runs), of=manner.budget),
        times=times(record, runs, watched, end_ms=end_ms),
        lanes=way,
        tallies=tallies(record, way, runs, watched, seen),
        help=helped(record.hints, shown, spent_ms=end_ms) if seen.verdict and gate is None else None,
        hints=hints(record, seen),
        ledger=ledger,
        bugs=debriefs(record, ledger) if seen.key else [],
        steps=steps(record, seen),
        gate=gate,
        ways=[],
        next=None,
    )


def _plan(record: Record, *, told: bool) -> list[str]:
    """The stages in their order; in an open mock which follow-up is to come is not told."""
    plan, opened = Manner.from_json(record.attempt.options).stages, len(record.stages)
    return [
        kind if told or place < opened or kind not in FOLLOW_UPS else "follow_up"
        for place, kind in enumerate(plan)
    ]


def _hour_ms(record: Record, now: int) -> int:
    """How long the whole attempt went on, or goes on so far."""
    ended = record.attempt.finished_at
    return max(0, (now if ended is None else ended) - record.start)


def _ways(made: Review, kept: Kept) -> list[Way]:
    """Those of the stage; the first one's review, the whole hour's, tells those of the others too."""
    source = kept.record.source(kept.record.runs[-1]) if made.runs else ""
    found = ways(made, source=source) if made.gate is None else []
    planned, over = KIND in made.plan, made.state != "open"
    debugged = made.stages[0].ends_ms or made.hour_ms
    for stage, result in zip(made.stages, kept.results, strict=True):
        if made.position not in (0, stage.position):
            continue
        title = "" if stage.position == made.position else stage.title
        said = of_verdict(stage.kind, result.verdict)
        if stage.kind == KIND and over:
            more = opens_more(kept.record.attempt)
            said = of_gate(kept.gate, planned=planned, debugged_ms=debugged, opens_more=more)
        found += [Way(passed=passed, words=words, stage=title) for passed, words in said]
    if made.position == 0 and kept.gate is None and over:
        missed = of_gate(None, planned=planned, debugged_ms=debugged, opens_more=False)
        found += [Way(passed=passed, words=words) for passed, words in missed]
    return sorted(found, key=lambda way: way.passed)


def _facts(record: Record, seen: Sight, runs: Sequence[RunSummary], *, end_ms: int) -> Facts:
    stage = record.stage
    return Facts(
        over=record.is_over,
        hidden=not seen.verdict,
        runs=runs,
        edited_since=edited_since(record),
        right_but_unseen=seen.key and _says_the_same(record.last_text, record.shape),
        started_at=record.start,
        left_ms=None if stage.deadline_at is None else stage.deadline_at - record.start - end_ms,
    )


def _watch(record: Record, seen: Sight, *, end_ms: int) -> Watched:
    places = planted(record)
    marked = marked_places(record.starter)
    if not marked and seen.key:
        marked = frozenset(bug.place for bug in places)
    stops = {run.draft_seq for run in record.runs} | {one.draft_seq for one in record.explanations}
    return watch(
        record.starter,
        replay(record.starter, record.edits),
        planted=places if seen.key else [],
        marked=marked,
        stops=stops,
        start_ms=record.stage.started_at,
        end_ms=record.start + end_ms + GRACE_MS,
    )


def _says_the_same(text: str, shape: str) -> bool:
    """Whether a text is the clean program, comments and layout apart."""
    try:
        return ast.dump(ast.parse(text)) == ast.dump(ast.parse(shape))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
