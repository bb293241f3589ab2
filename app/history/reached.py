"""The stages of an attempt, one beside the other: when each was reached, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access import Seat
from app.attempts.plan import TITLES
from app.complexity.service import KIND, Gate, gate
from app.history.rows import Saw, Truth, saw, truth
from app.models import Run, Stage
from app.sight import run_summary
from app.web.parts import Parts
from app.web.reading import read_verdict
from app.web.words import count, plural, sentence_case


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """One stage; milliseconds since the start of the hour, None while it goes on."""

    position: int
    kind: str
    title: str
    begins_ms: int
    ends_ms: int | None
    runs_ms: list[int]  # when each run was asked for
    saw: Saw | None
    true: Truth | None
    passed: bool | None  # None: not judged, or not to be seen yet
    words: str
    url: str


@dataclass(frozen=True, slots=True)
class Result:
    """What a stage came to: when its runs were, and the last verdict as it may be seen."""

    runs_at: Sequence[int]
    hidden: bool
    verdict: Mapping[str, Any] | None


async def results(session: AsyncSession, stages: Sequence[Stage], seat: Seat) -> list[Result]:
    """Of each stage, in their order."""
    found = []
    for stage in stages:
        seen = seat.sight_of(done=stage.finished_at is not None)
        of_stage = select(Run).where(Run.stage_id == stage.id)
        judged = of_stage.where(Run.state == "done", Run.verdict.is_not(None)).order_by(Run.number.desc())
        last = await session.scalar(judged.limit(1))
        asked = of_stage.with_only_columns(Run.created_at).order_by(Run.number)
        runs_at = (await session.scalars(asked)).all()
        slots = stage.variant["bugs"]
        verdict = None if last is None else run_summary(last, seen, slots=slots).verdict
        found.append(Result(runs_at=runs_at, hidden=not seen.verdict, verdict=verdict))
    return found


async def gate_of(parts: Parts, stages: Sequence[Stage], seat: Seat) -> Gate | None:
    """The derivations, where the attempt came to them."""
    at = next((stage for stage in stages if stage.kind == KIND), None)
    return None if at is None else await gate(parts, replace(seat, stage_id=at.id))


def reached(stages: Sequence[Stage], found: Sequence[Result], derived: Gate | None) -> list[Reached]:
    """The row of stages."""
    start = stages[0].started_at
    return [
        Reached(
            position=stage.position,
            kind=stage.kind,
            title=TITLES.get(stage.kind, sentence_case(stage.kind)),
            begins_ms=stage.started_at - start,
            ends_ms=None if stage.finished_at is None else stage.finished_at - start,
            runs_ms=[at - start for at in result.runs_at],
            saw=None if result.verdict is None else saw(result.verdict),
            true=None if result.verdict is None else truth(result.verdict),
            passed=_passed(stage, result, derived),
            words=_words(stage, result, derived),
            url=f"/attempts/{stage.attempt_id}/review?stage={stage.position}",
        )
        for stage, result in zip(stages, found, strict=True)
    ]


def _passed(stage: Stage, result: Result, derived: Gate | None) -> bool | None:
    if stage.kind == KIND and derived is not None:
        return derived.passed if derived.passed or stage.finished_at is not None else None
    return None if result.verdict is None else result.verdict["outcome"] == "passed"


def _words(stage: Stage, result: Result, derived: Gate | None) -> str:
    """What came of a stage, as the headline of its verdict says it."""
    if stage.kind == KIND and derived is not None:
        right = sum(bool(one.right) for one in derived.questions)
        words = count(right) if right else "none"
        more = (
            f"; {plural(derived.extra_minutes, 'more minute', 'more minutes')}"
            if derived.extra_minutes
            else ""
        )
        return f"{sentence_case(words)} of {count(len(derived.questions))} costs derived{more}."
    if not result.runs_at:
        return "Nothing was run." if stage.finished_at is not None else "Not run yet."
    if result.hidden:
        return "Told once it is done."
    return "Nothing was judged." if result.verdict is None else read_verdict(result.verdict).headline
