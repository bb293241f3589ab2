"""What attempts look like to those who may see them: one form for pages and JSON alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.access import Seat
from app.manner import Manner
from app.models import Attempt, Run, Stage
from app.sight import RunSummary, run_summary
from app.web.markdown import as_html

FILENAME = "gpt.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class StageView:
    """One stage with its texts, its draft and its runs."""

    id: str
    kind: str
    position: int
    problem: str
    title: str
    filename: str
    statement_html: str
    sentence: str
    starter: str
    draft: str
    draft_seq: int
    started_at: int
    deadline_at: int | None
    finished_at: int | None
    reference_loss: list[list[float]] | None
    runs: list[RunSummary]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptView:
    """One attempt; what is not to be seen yet is null."""

    id: str
    mode: str
    state: str
    tier: str
    seed: int | None
    shape: str | None
    marks: bool
    minutes: int | None
    guided: bool
    budget: int | None
    slow: bool
    created_at: int
    finished_at: int | None
    revealed_at: int | None
    now: int
    bug_count: int | None
    stages: list[StageView]
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RevealedBug:
    """One bug of the key."""

    slot: int
    id: str
    title: str
    component: str
    mechanism: str
    why: str
    line: int
    clean: str
    bugged: str
    debrief: str
    debrief_html: str
    source: str  # where it shipped: project and commit or issue


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What the reveal tells: each bug, and the clean program."""

    bugs: list[RevealedBug]
    shape: str


def attempt_view(attempt: Attempt, seat: Seat, *, now: int, stages: list[StageView]) -> AttemptView:
    variant, seen, manner = attempt.variant, seat.sight, Manner.from_json(attempt.options)
    return AttemptView(
        id=attempt.id,
        mode=attempt.mode,
        state=attempt.state,
        tier=variant["tier"],
        seed=variant["seed"] if seen.verdict else None,  # with the pack at hand a seed tells the bugs
        shape=variant["shape"] if seen.verdict else None,
        marks=variant["marks"],
        minutes=manner.minutes,
        guided=manner.guided,
        budget=manner.budget,
        slow=manner.slow,
        created_at=attempt.created_at,
        finished_at=attempt.finished_at,
        revealed_at=attempt.revealed_at,
        now=now,
        bug_count=len(variant["bugs"]) if seen.verdict else None,
        stages=stages,
        url=f"/attempts/{attempt.id}",
    )


def stage_view(
    stage: Stage,
    seat: Seat,
    *,
    given: dict[str, str],
    runs: Sequence[Run],
    curve: list[list[float]] | None,
) -> StageView:
    seen = seat.sight
    return StageView(
        id=stage.id,
        kind=stage.kind,
        position=stage.position,
        problem=stage.problem,
        title=stage.variant.get("title", stage.problem),
        filename=stage.variant.get("filename", FILENAME),
        statement_html=as_html(given["statement"]),
        sentence=given["sentence"],
        starter=given["starter"],
        draft=stage.draft,
        draft_seq=stage.draft_seq,
        started_at=stage.started_at,
        deadline_at=stage.deadline_at,
        finished_at=stage.finished_at,
        reference_loss=curve if seen.verdict else None,  # a leaky model learns faster than a clean one
        runs=[run_summary(run, seen, slots=stage.variant["bugs"]) for run in runs],
    )
