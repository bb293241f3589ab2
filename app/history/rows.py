"""The history as a list: one row for each attempt, with what the interviewer saw and what is true."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.models import Attempt, Stage
from app.sight import Sight

TRIED = frozenset({"held", "broken", "blocked"})  # the others never speak against a program


@dataclass(frozen=True, slots=True, kw_only=True)
class Saw:
    """How many of the interviewer's criteria were met."""

    passed: int
    of: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """How many of the properties that concern the program hold."""

    held: int
    of: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRow:
    """One attempt; what was never judged, or is not to be seen yet, is null."""

    id: str
    created_at: int
    mode: str
    title: str
    tier: str
    seed: int | None
    marks: bool
    state: str
    saw: Saw | None
    true: Truth | None
    fixed: int | None
    bug_count: int | None
    runs: int
    seconds: int
    left_seconds: int | None
    loss: list[float]
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Sums over all attempts of a person, whatever the filters."""

    attempts: int
    since: int | None
    judged: int
    passed: int
    lied: int
    runs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """One page of attempts, newest first; `next` goes on where it ends."""

    attempts: list[HistoryRow]
    next: str | None
    matching: int
    totals: Totals


def row(
    attempt: Attempt,
    stage: Stage,
    seen: Sight,
    *,
    verdict: Mapping[str, Any] | None,
    losses: list[Any] | None,
    runs: int,
    now: int,
) -> HistoryRow:
    """An attempt as its member may see it in the list; `verdict` is its last run's that has one."""
    judged = verdict if seen.verdict else None
    end = attempt.finished_at if attempt.finished_at is not None else now
    still_open = attempt.state == "open"
    return HistoryRow(
        id=attempt.id,
        created_at=attempt.created_at,
        mode=attempt.mode,
        title=stage.variant.get("title", stage.problem),
        tier=attempt.variant["tier"],
        seed=attempt.variant["seed"] if seen.verdict else None,
        marks=attempt.variant["marks"],
        state=attempt.state,
        saw=None if judged is None else saw(judged),
        true=None if judged is None else truth(judged),
        fixed=None if judged is None else fixed(judged),
        bug_count=len(attempt.variant["bugs"]) if seen.verdict else None,
        runs=runs,
        seconds=max(0, end - attempt.created_at) // 1000,
        left_seconds=left(stage, now=now) if still_open else None,
        loss=[float(value) for value in losses or ()],
        url=f"/attempts/{attempt.id}" if still_open else f"/attempts/{attempt.id}/review",
    )


def saw(verdict: Mapping[str, Any]) -> Saw:
    criteria = (verdict.get("criteria") or {}).values()
    return Saw(passed=sum(bool(one["passed"]) for one in criteria), of=max(2, len(criteria)))


def truth(verdict: Mapping[str, Any]) -> Truth | None:
    """None when the program did not get so far that anything could be tried."""
    statuses = [one["status"] for one in verdict["properties"] if one["status"] in TRIED]
    return Truth(held=statuses.count("held"), of=len(statuses)) if statuses else None


def fixed(verdict: Mapping[str, Any]) -> int:
    return sum(bug["status"] == "fixed" for bug in verdict["bugs"])


def left(stage: Stage, *, now: int) -> int | None:
    """Seconds that are left of a stage; None without a clock."""
    return None if stage.deadline_at is None else max(0, stage.deadline_at - now) // 1000
