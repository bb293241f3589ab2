"""What a stage is opened with: its starter, the texts that it is judged by, and a word on where it begins."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from io import StringIO
from tokenize import COMMENT, generate_tokens
from typing import Any

from app.attempts.plan import TITLES
from app.catalog import (
    Material,
    Problem,
    Starter,
    Variant,
    choose,
    compose,
    material,
    plain_material,
    with_given,
)
from app.engine.blobs import sha256
from app.models import Stage, new_id

MARK = "# marked:"
GATE = "complexity"
OWN = "It begins with your own file: the last run of it held."
CLEAN = "It begins with a clean file: no run showed that your last draft holds."
OF_ITS_OWN = "It begins with a file of its own, its harness included."


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A stage before it has a clock."""

    kind: str
    problem: str
    variant: dict[str, Any]  # as `Variant.to_json`, with what a page says of the file
    texts: Mapping[str, str]  # by role

    def stage(self, *, attempt_id: str, position: int, now: int, deadline_at: int | None) -> Stage:
        starter = self.texts["starter"]
        return Stage(
            id=new_id(),
            attempt_id=attempt_id,
            kind=self.kind,
            position=position,
            problem=self.problem,
            variant=self.variant,
            starter=sha256(starter),
            draft=starter,
            draft_seq=0,
            started_at=now,
            deadline_at=deadline_at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Debugged:
    """The program that a follow-up goes on from."""

    problem: str  # its slug
    text: str
    holds: bool  # a run of this very text passed
    sentence: str
    shape: str  # its name
    clean: str


def of_starter(problem: Problem, starter: Starter, *, kind: str = "debug", begins: str = "") -> Opening:
    """A round of bugs, or a start as the pack has it."""
    issued = material(problem, starter)
    bugs = json.dumps(_issued_bugs(starter, issued))
    return _opening(
        kind, problem, starter.variant, starter=starter.source, issued=issued, bugs=bugs, begins=begins
    )


def of_gate(*, seed: int) -> Opening:
    """The derivation of costs: nothing to edit, nothing to run."""
    variant = Variant(
        problem=GATE, shape="", bugs=(), sentence="", marks=False, tier=GATE, seed=seed, pack_digest=""
    )
    told = {"title": TITLES[GATE], "filename": "", "contract": "", "begins": ""}
    nothing = dict.fromkeys(("starter", "statement", "sentence", "probes", "shape"), "")
    return Opening(
        kind=GATE, problem=GATE, variant={**variant.to_json(), **told}, texts={**nothing, "bugs": "[]"}
    )


def of_follow_up(problem: Problem, *, seed: int, shape: str | None = None) -> Opening:
    """A follow-up on its own: the pack's unsolved start."""
    variant = choose(problem, bugs=(), seed=seed, shape=shape, marks=False, tier=problem.slug)
    begins = OF_ITS_OWN if not problem.given else ""
    return of_starter(problem, compose(problem, variant), kind=problem.slug, begins=begins)


def of_follow_up_after(problem: Problem, debugged: Debugged | None, *, seed: int) -> Opening:
    """A follow-up that goes on from the candidate's own file where that holds, else from the clean one.

    One that brings its harness begins with a file of its own, as one does where what it follows was not
    debugged before.
    """
    if debugged is None or not problem.given or problem.follows != debugged.problem:
        return of_follow_up(problem, seed=seed)
    shape = debugged.shape if debugged.shape in problem.shapes else None
    variant = choose(problem, bugs=(), seed=seed, shape=shape, marks=False, tier=problem.slug)
    begun = _without_marks(debugged.text) if debugged.holds else debugged.clean
    return _opening(
        problem.slug,
        problem,
        variant,
        starter=with_given(begun, problem.given),
        issued=plain_material(problem, sentence=debugged.sentence, shape=variant.shape),
        begins=OWN if debugged.holds else CLEAN,
    )


def _opening(
    kind: str,
    problem: Problem,
    variant: Variant,
    *,
    starter: str,
    issued: Material,
    bugs: str = "[]",
    begins: str = "",
) -> Opening:
    told = {
        "title": problem.title,
        "filename": problem.filename,
        "contract": problem.contract,
        "begins": begins,
    }
    return Opening(
        kind=kind,
        problem=problem.slug,
        variant={**variant.to_json(), **told},
        texts={
            "starter": starter,
            "statement": problem.statement,
            "sentence": issued.text,
            "probes": issued.probes,
            "shape": issued.shape,
            "bugs": bugs,
        },
    )


def _without_marks(text: str) -> str:
    """Marks are reliable: once the bugs are fixed they must not stand there any more.

    Comments alone are taken out: a string that reads like one belongs to the program.
    """
    lines = StringIO(text, newline="").readlines()
    comments = {one.start for one in generate_tokens(iter(lines).__next__) if one.type == COMMENT}
    return "".join(
        line
        for number, line in enumerate(lines, start=1)
        if not (line.strip().startswith(MARK) and (number, line.index(MARK)) in comments)
    )


def _issued_bugs(starter: Starter, given: Material) -> list[dict[str, Any]]:
    """All that is ever said of the bugs of this attempt, and what they are judged by, kept with it."""
    issued = []
    for slot, judged in zip(starter.slots, given.bugs, strict=True):
        bug = {name: value for name, value in asdict(slot.bug).items() if name != "patches"}
        patch = {"find": slot.patch.find, "replace": slot.patch.replace}
        issued.append({"slot": slot.number, "line": slot.line, **bug, **patch, "judged": asdict(judged)})
    return issued
