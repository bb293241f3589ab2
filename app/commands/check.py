"""`overfit check`: examines files, all in one warm sandbox, and says what holds."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.catalog import (
    Catalog,
    Material,
    compose,
    find_header,
    load_catalog,
    material,
    own_sentence,
    plain_material,
)
from app.commands.examining import job_for, outcomes, warm_sandbox
from app.commands.report import report
from app.errors import BadInput, TooLarge, UnusableSource
from app.settings import Settings
from sandbox import Outcome

PASSED, FAILED, OUR_FAULT = 0, 1, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    path: str
    source: str
    material: Material
    remark: str  # on its header, '' when there is nothing to say


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How results are said."""

    as_json: bool
    reveal: bool  # name the bugs; without it they are numbered, as on the site


async def check(
    settings: Settings,
    paths: Sequence[Path],
    *,
    problem: str,
    manner: Manner,
    say: Callable[[str], None],
) -> int:
    """Examine every file and say each verdict; the exit status.

    Raises BadInput before anything runs when a file can't be used, Unavailable without a sandbox.
    """
    catalog = load_catalog(settings.problems)
    submissions = [read_submission(catalog, path, problem=problem, settings=settings) for path in paths]
    status = PASSED
    async with warm_sandbox(settings) as sandbox:
        jobs = [job_for(one.material, source=one.source, settings=settings) for one in submissions]
        number = 0
        async for outcome in outcomes(sandbox, jobs):
            say(_said(submissions[number], outcome, manner))
            status = max(status, _status(outcome))
            number += 1
    return status


def read_submission(catalog: Catalog, path: Path, *, problem: str, settings: Settings) -> Submission:
    """A file and what it is judged with: its own variant when its header names one that this pack has."""
    source = _read(path, limit=settings.source_kb << 10)
    header = find_header(source)
    remark = ""
    if header is not None:
        variant = header.variant
        found = catalog.problems.get(variant.problem) if variant else None
        if variant and found and variant.pack_digest == found.digest:
            issued = material(found, compose(found, variant))
            return Submission(path=str(path), source=source, material=issued, remark="")
        remark = (
            "Its header is of another version of the pack: judged without the status of each bug."
            if variant
            else "Its header can't be read: judged without the status of each bug."
        )
    chosen = catalog.problem(problem)
    sentence = chosen.sentence(own_sentence(source))
    return Submission(
        path=str(path), source=source, material=plain_material(chosen, sentence=sentence), remark=remark
    )


def _read(path: Path, *, limit: int) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise BadInput(f"{path} can't be read: {error.strerror}.", hint="Name a Python file.") from error
    if len(data) > limit:
        raise TooLarge(
            f"{path} is larger than {limit >> 10} KiB.", hint="Name a Python file, or set OVERFIT_SOURCE_KB."
        )
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise UnusableSource(f"{path} is not UTF-8 text.", hint="Name a Python file.") from error
    if "\0" in text:
        raise UnusableSource(f"{path} holds a NUL byte.", hint="Name a Python file.")
    return text


def _said(submission: Submission, outcome: Outcome, manner: Manner) -> str:
    verdict = outcome.verdict and _told(outcome.verdict, submission, reveal=manner.reveal)
    if manner.as_json:
        fault = {"format": 1, "outcome": "error", "fault": outcome.fault, "level": outcome.level}
        remark = {"remark": submission.remark} if submission.remark else {}
        return json.dumps({"file": submission.path, **remark, **(verdict or fault)}, ensure_ascii=False)
    return report(submission.path, verdict, fault=outcome.fault, remark=submission.remark)


def _told(verdict: dict[str, Any], submission: Submission, *, reveal: bool) -> dict[str, Any]:
    """The verdict with its bugs in slots, which have names only when they are asked for."""
    statuses = {bug["id"]: bug for bug in verdict["bugs"]}
    bugs = [
        {"slot": slot, **({**statuses[bug.id]} if reveal else {"status": statuses[bug.id]["status"]})}
        for slot, bug in enumerate(submission.material.bugs, start=1)
    ]
    return {**verdict, "bugs": bugs}


def _status(outcome: Outcome) -> int:
    if outcome.verdict is None or outcome.verdict["outcome"] == "error":
        return OUR_FAULT
    return PASSED if outcome.verdict["outcome"] == "passed" else FAILED
