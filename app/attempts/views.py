"""What attempts look like to those who may see them: one form for pages and JSON alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.access import Seat
from app.attempts.plan import Step, steps
from app.manner import Manner
from app.models import Attempt, Run, Stage
from app.sight import RunSummary, Sight, run_summary
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
    begins: str  # where a follow-up begins: in one's own file, or in a clean one
    statement_html: str
    sentence: str
    starter: str
    draft: str
    draft_seq: int
    started_at: int
    deadline_at: int | None
    finished_at: int | None
    bug_count: int | None
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
    deadline_at: int | None
    extra_minutes: int  # that the gate has opened
    paused_left_ms: int | None  # what the clock shows while it stands
    bug_count: int | None
    plan: list[Step]
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
    opened = [(stage.id, stage.finished_at is not None) for stage in stages]
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
        deadline_at=attempt.deadline_at,
        extra_minutes=attempt.options.get("extra_minutes", 0),
        paused_left_ms=attempt.options.get("pause", {}).get("stage") if attempt.state == "open" else None,
        bug_count=len(variant["bugs"]) if seen.verdict else None,
        plan=steps(manner.stages, stages=opened, is_over=attempt.state != "open", tells_all=seen.verdict),
        stages=stages,
        url=f"/attempts/{attempt.id}",
    )


def stage_view(
    stage: Stage,
    seen: Sight,
    *,
    given: dict[str, str],
    runs: Sequence[Run],
    curve: list[list[float]] | None,
) -> StageView:
    return StageView(
        id=stage.id,
        kind=stage.kind,
        position=stage.position,
        problem=stage.problem,
        title=stage.variant.get("title", stage.problem),
        filename=stage.variant.get("filename", FILENAME),
        begins=stage.variant.get("begins", ""),
        statement_html=as_html(given["statement"]),
        sentence=given["sentence"],
        starter=given["starter"],
        draft=stage.draft,
        draft_seq=stage.draft_seq,
        started_at=stage.started_at,
        deadline_at=stage.deadline_at,
        finished_at=stage.finished_at,
        bug_count=len(stage.variant["bugs"]) if seen.verdict else None,
        reference_loss=curve if seen.verdict else None,  # a leaky model learns faster than a clean one
        runs=[run_summary(run, seen, slots=stage.variant["bugs"]) for run in runs],
    )
