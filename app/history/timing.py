"""When things happened in a stage, in milliseconds since the start of its hour."""

from __future__ import annotations

from collections.abc import Sequence

from app.history.record import Record
from app.history.replay import Edit
from app.history.views import FirstHeld, Times, Verified
from app.history.watch import Watched
from app.models import Run
from app.sight import RunSummary


def told_at(run: RunSummary, start: int) -> int:
    """When a run told what it found, since the start."""
    return (run.finished_at or run.created_at) - start


def offset(at_ms: int | None, start: int) -> int | None:
    return None if at_ms is None else at_ms - start


def times(record: Record, runs: Sequence[RunSummary], watched: Watched, *, end_ms: int) -> Times:
    start = record.start
    return Times(
        begins_ms=record.begins_ms,
        first_run_ms=runs[0].created_at - start if runs else None,
        last_edit_ms=_last_edit_ms(record, end_ms=end_ms),
        properties=_first_held(runs, start),
        waiting_ms=sum((run.finished_at or run.created_at) - run.created_at for run in runs),
        work=watched.work,
        total_ms=end_ms - record.begins_ms,
    )


def _last_edit_ms(record: Record, *, end_ms: int) -> int | None:
    """When the text was last changed; a time outside of the stage comes from a clock that was wrong."""
    changing = [edit for edit in record.edits if _changes(edit)]
    if not changing:
        return None
    return min(max(changing[-1].at_ms - record.start, record.begins_ms), end_ms)


def _first_held(runs: Sequence[RunSummary], start: int) -> list[FirstHeld]:
    """Each property that a run spoke of, in the order of the last verdict."""
    titles: dict[str, str] = {}
    held: dict[str, RunSummary] = {}
    for run in reversed([run for run in runs if run.verdict is not None]):
        for one in (run.verdict or {})["properties"]:
            titles.setdefault(one["name"], one["title"])
            if one["status"] == "held":
                held[one["name"]] = run
    return [
        FirstHeld(
            name=name,
            title=title,
            at_ms=told_at(held[name], start) if name in held else None,
            run=held[name].number if name in held else None,
        )
        for name, title in titles.items()
    ]


def verified(record: Record) -> Verified | None:
    """The first run of what is now the last draft that met both criteria before the time was over."""
    last_edit = _last_edit(record.edits)
    for run in record.runs:
        in_time = record.stage.deadline_at is None or (run.finished_at or 0) <= record.stage.deadline_at
        of_last_draft = run.draft_seq >= last_edit or record.source(run) == record.last_text
        if of_last_draft and in_time and _met(run):
            return Verified(run=run.number, at_ms=(run.finished_at or 0) - record.start)
    return None


def _met(run: Run) -> bool:
    criteria = (run.verdict or {}).get("criteria") or {}
    return run.finished_at is not None and bool(criteria) and all(one["passed"] for one in criteria.values())


def _last_edit(edits: Sequence[Edit]) -> int:
    """The sequence of the last edit of the text; 0 when there was none."""
    return max((edit.seq for edit in edits if _changes(edit)), default=0)


def _changes(edit: Edit) -> bool:
    return edit.kind != "checkpoint" and edit.payload.get("ops") != []


def edited_since(record: Record) -> bool:
    """Whether the file was left otherwise than the last run ran it."""
    return bool(record.runs) and record.source(record.runs[-1]) != record.last_text
