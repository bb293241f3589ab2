"""What a person may see of an attempt, by mode, role, and whether it is over or revealed: no spoilers before.

Which bugs there are is the key. In practice a verdict shows before the reveal, with numbered slots in the
place of bugs; in a mock the candidate sees no verdict, no count and no reference curve of a stage before they
are done with it, and no key before the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.models import Run


@dataclass(frozen=True, slots=True)
class Sight:
    """Two doors: the judgement, and the key to it."""

    verdict: bool
    key: bool
    interviewer: bool = False


def sight(*, mode: str, role: str, state: str, revealed: bool, done: bool = False) -> Sight:
    """What somebody in a role sees of an attempt as it stands, or of a stage of it that is `done`."""
    interviewer = role == "interviewer"
    over = state != "open"
    return Sight(
        verdict=over or done or revealed or interviewer or mode != "mock",
        key=over or revealed or interviewer,
        interviewer=interviewer,
    )


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run as its owner may see it."""

    id: str
    number: int
    kind: str
    state: str
    created_at: int
    started_at: int | None
    finished_at: int | None
    outcome: str | None
    message: str | None
    verdict: dict[str, Any] | None


def run_summary(run: Run, seen: Sight, *, slots: Sequence[str]) -> RunSummary:
    """A run's row through somebody's eyes; `slots` are the bug ids in the attempt's order."""
    verdict = None if run.verdict is None else visible_verdict(run.verdict, seen, slots=slots)
    return RunSummary(
        id=run.id,
        number=run.number,
        kind=run.kind,
        state=run.state,
        created_at=run.created_at,
        started_at=run.started_at,
        finished_at=run.finished_at,
        outcome=None if verdict is None else verdict["outcome"],
        message=run.message if run.verdict is None or seen.verdict else None,
        verdict=verdict,
    )


def visible_verdict(verdict: dict[str, Any], seen: Sight, *, slots: Sequence[str]) -> dict[str, Any] | None:
    """A verdict without what is not to be seen yet; None when that is all of it."""
    if not seen.verdict:
        return None
    by_id = {bug["id"]: bug for bug in verdict.get("bugs", [])}
    bugs = []
    for slot, bug_id in enumerate(slots, start=1):
        bug = by_id.get(bug_id)
        if bug is not None:
            bugs.append({"slot": slot, **bug} if seen.key else {"slot": slot, "status": bug["status"]})
    return {**verdict, "bugs": bugs}


def visible_event(
    kind: str, audience: str, data: dict[str, Any], seen: Sight, *, slots: Sequence[str]
) -> dict[str, Any] | None:
    """An event's data for somebody's eyes; None when the event is not for them."""
    if audience == "interviewer" and not seen.interviewer:
        return None
    if audience == "judged" and not seen.verdict:
        return None
    if kind == "verdict":
        return visible_verdict(data, seen, slots=slots)
    if kind == "bug":
        numbered = {"slot": slots.index(data["id"]) + 1, "status": data["status"]}
        return {**numbered, "id": data["id"]} if seen.key else numbered
    if kind == "end" and data.get("state") == "done" and not seen.verdict:
        return {**data, "message": None}  # what the examination found is part of the verdict
    return data
