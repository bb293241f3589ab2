"""The same as the timeline, as a list: what happened when, in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from app.history.rows import saw, truth
from app.history.views import Review
from app.sight import RunSummary
from app.web.words import plural, sentence_case

ENDS = {
    "finished": "Finished",
    "expired": "The time was over",
    "abandoned": "Ended without a run",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the list; milliseconds since the start."""

    at_ms: int
    sign: Literal["pass", "fail", "blocked", "note", "run", "file", "now"]
    words: str


def moments(review: Review) -> list[Entry]:
    """All that happened, in order."""
    return sorted(_entries(review), key=lambda entry: entry.at_ms)


def _entries(review: Review) -> Iterator[Entry]:
    titles = {bug.slot: bug.title for bug in review.bugs}
    for hint in review.hints:
        yield Entry(at_ms=hint.at_ms, sign="note", words=sentence_case(hint.words))
    for one in review.lanes:
        name = titles.get(one.slot, "")
        if one.fixed_ms is not None:
            words = f"Bug {one.slot} fixed in the file{f': {name}' if name else ''}"
            yield Entry(at_ms=one.fixed_ms, sign="file", words=words)
    for run in review.runs:
        at = (run.finished_at or run.created_at) - review.started_at
        yield Entry(at_ms=at, sign="run", words=_run_words(run, review))
    for stage in review.stages[1:]:
        yield Entry(at_ms=stage.begins_ms, sign="now", words=f"{stage.title} begins")
    if review.state in ENDS:
        yield _end(review)


def _end(review: Review) -> Entry:
    unseen = sum(one.now != "seen" for one in review.lanes)
    words = ENDS[review.state]
    if unseen:
        words += f"; {unseen} of {plural(len(review.lanes), 'bug')} never seen to be fixed"
    sign: Literal["pass", "fail"] = "pass" if review.look == "passed" else "fail"
    return Entry(at_ms=review.hour_ms, sign=sign, words=words)


def _run_words(run: RunSummary, review: Review) -> str:
    name = sentence_case(f"{run.kind} {run.number}")
    if run.verdict is None:
        return f"{name}: {run.state}"
    at = (run.finished_at or run.created_at) - review.started_at
    met, held = saw(run.verdict), truth(run.verdict)
    said = [f"{met.passed} of {met.of} criteria"]
    if held is not None:
        said.append(f"{held.held} of {held.of} properties")
    seen = [str(one.slot) for one in review.lanes if one.seen_ms == at]
    if seen:
        said.append(f"bug{'s' if len(seen) > 1 else ''} {' and '.join(seen)} seen to be fixed")
    return f"{name}: {', '.join(said)}"
