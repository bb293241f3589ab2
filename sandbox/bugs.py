"""The status of each issued bug: fixed, broken, or blocked ("can't tell"); never wrongly fixed.

Told by the text alone where that is certain, by grafts (sandbox/grafts.py) where the text was rewritten.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from sandbox.job import IssuedBug, Job
from sandbox.program import Program

Status = Literal["fixed", "broken", "blocked"]
# of a text that is no program, of one nested too deeply to be walked, of a number too long to be written out
UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)


def bug_entries(*, job: Job, told: Mapping[str, Status], passed: bool) -> list[dict[str, Any]]:
    """One entry for each bug that the submission was issued with; what was not told is blocked."""
    return [
        {
            "id": bug.id,
            "status": "fixed" if passed else told.get(bug.id, "blocked"),
            "properties": list(bug.properties),
        }
        for bug in job.bugs
    ]


def told_by_text(job: Job, *, properties: Sequence[Mapping[str, Any]]) -> dict[str, Status]:
    """What the text tells: a function that reads as the clean or as the bugged one does, and is reached.

    A restored function beside the symptom of its bug is left open where no other bug explains the symptom:
    it may be no longer what runs. A text that can't be read tells of the bugs that stand in it literally.
    """
    if not job.bugs:
        return {}
    try:
        told = _told(job, Program(job.source), Program(job.shape))
    except UNREADABLE:
        return {bug.id: "broken" for bug in job.bugs if stands(bug, job.source)}
    return {bug: status for bug, status in told.items() if not _contradicted(bug, told, job, properties)}


def _told(job: Job, edited: Program, clean: Program) -> dict[str, Status]:
    told: dict[str, Status] = {}
    places = {bug.id: place(bug, shape=job.shape, clean=clean) for bug in job.bugs}
    for path in {path for path in places.values() if path is not None}:
        if path.partition(".")[0] in edited.reached:
            told |= _told_of(path, [bug for bug in job.bugs if places[bug.id] == path], edited, job.shape)
    return told


def place(bug: IssuedBug, *, shape: str, clean: Program) -> str | None:
    """The innermost function of the shape that holds the bug."""
    start = shape.find(bug.find)
    if start < 0 or not bug.find.strip():
        return None
    first = shape.count("\n", 0, start + len(bug.find) - len(bug.find.lstrip())) + 1
    return clean.enclosing(first, first + bug.find.strip().count("\n"))


def stands(bug: IssuedBug, source: str) -> bool:
    """Whether the bugged text is there word for word, and the clean one is not.

    Of a bug that only takes lines out this says nothing: they may be back elsewhere.
    """
    lines, replaced, found = _lines(source), _lines(bug.replace), _lines(bug.find)
    if set(replaced) <= set(found):
        return False
    return _contains(lines, replaced) and not _contains(lines, found)


def _told_of(path: str, bugs: list[IssuedBug], edited: Program, shape: str) -> dict[str, Status]:
    """Of the bugs of one function: whether it reads as it does with some of them alive and the others not."""
    text = edited.text(path)
    for count in range(len(bugs) + 1):
        for alive in itertools.combinations(bugs, count):
            if text is not None and text == _with_bugs(shape, alive).text(path):
                return {bug.id: "broken" if bug in alive else "fixed" for bug in bugs}
    return {}


def _with_bugs(shape: str, bugs: Sequence[IssuedBug]) -> Program:
    for bug in bugs:
        shape = shape.replace(bug.find, bug.replace)
    return Program(shape)


def _contradicted(
    bug_id: str, told: Mapping[str, Status], job: Job, properties: Sequence[Mapping[str, Any]]
) -> bool:
    if told[bug_id] == "broken":
        return False
    broken = {entry["name"] for entry in properties if entry["status"] == "broken"}
    others = [bug for bug in job.bugs if bug.id != bug_id and told.get(bug.id) != "fixed"]
    explained = {name for other in others for name in other.properties}
    own = next(set(bug.properties) for bug in job.bugs if bug.id == bug_id)
    return bool((broken & own) - explained)


def _lines(text: str) -> list[str]:
    """The text's lines with their blanks normalised; empty lines and comments say nothing."""
    lines = (" ".join(line.split()) for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _contains(lines: list[str], part: list[str]) -> bool:
    return any(lines[i : i + len(part)] == part for i in range(len(lines) - len(part) + 1))
