"""Reviews made by hand, for what is computed from them."""

from __future__ import annotations

from typing import Any

from app.complexity.questions import CORE, QUESTIONS
from app.complexity.service import Asked, Gate
from app.history.views import Budget, Review, Times
from app.history.watch import Work
from app.sight import RunSummary

MINUTE = 60_000


def times(**known: Any) -> Times:
    usual: dict[str, Any] = {
        "begins_ms": 0,
        "first_run_ms": None,
        "last_edit_ms": None,
        "properties": [],
        "waiting_ms": 0,
        "work": Work(),
        "total_ms": 0,
    }
    return Times(**{**usual, **known})


def run(number: int, at_ms: int) -> RunSummary:
    return RunSummary(
        id=f"r{number}",
        number=number,
        kind="run",
        state="done",
        created_at=at_ms,
        started_at=at_ms,
        finished_at=at_ms,
        outcome=None,
        message=None,
        verdict=None,
    )


def review(*, total_ms: int, minutes: int | None = 60, state: str = "finished") -> Review:
    return Review(
        id="a",
        url="/attempts/a",
        position=0,
        stage_id="s",
        kind="debug",
        problem="tiny",
        title="Tiny",
        drawn_from="tiny",
        drawn_marked=False,
        mode="practice",
        state=state,
        tier="reported",
        family="",
        seed=1,
        marks=True,
        where="marked",
        minutes=minutes,
        slow=False,
        extra_minutes=0,
        plan=["debug"],
        stages=[],
        over=state != "open",
        mine=True,
        hour_ms=total_ms,
        started_at=0,
        ended_at=total_ms,
        revealed_at=None,
        key=True,
        judged=True,
        look="none",
        headline="",
        sentence="",
        proof=None,
        verified=None,
        runs=[],
        budget=Budget(runs=0, of=None),
        times=times(total_ms=total_ms),
        lanes=[],
        tallies=[],
        help=None,
        hints=[],
        ledger=[],
        bugs=[],
        steps=[],
        gate=None,
        ways=[],
        next=None,
    )


def gate(right: int, *, more: int = 0, answered: bool = True) -> Gate:
    """A gate at which the first `right` costs were derived, and the others not."""
    asked = [
        Asked(
            name=one.name,
            title=one.title,
            words="",
            core=one.name in CORE,
            answers=["T"] if answered else [],
            right=place < right,
            told="",
            remarks=[],
            left=0,
            why=None,
        )
        for place, one in enumerate(QUESTIONS)
    ]
    return Gate(
        questions=asked,
        passed=right >= 4,
        lab_opens=True,
        extra_minutes=more,
        deadline_at=None,
        hour_ends=None,
    )
