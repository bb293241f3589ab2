"""Judges a rewritten component apart from the other bugs of its file, by what a composed program does.

Two kinds of program are composed. The *repaired* one is the whole submission with every bug taken out that
its text still shows; it speaks for all open bugs at once. A *graft* is the clean shape with one definition of
the submission in it, so that nothing else in the file can hide or fake a symptom. Whatever such a program
prints is thrown away, and of what it does only the status of a bug is told: it holds text of the clean shape.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sandbox.asking import ask
from sandbox.bugs import UNREADABLE, Status, place, stands
from sandbox.job import IssuedBug, Job
from sandbox.kinds import kind_for
from sandbox.probing import Probe
from sandbox.program import Program
from sandbox.session import Session, Spawn
from sandbox.subject import Subject

MOST = 4  # programs that are looked at for one verdict, the file itself among them
TOGETHER_S = 15.0  # on the wall, for all of them
WHOLE_FILE = frozenset(
    ("program", "tokenizer", "generate")
)  # components whose properties a graft leaves out ...
LEFT_OUT = frozenset(
    ("memorises", "parity", "loss_falls")
)  # ... as it does these, unless a bug is known by them
TRAINING = frozenset(("loss", "loop", "data"))


@dataclass(frozen=True)
class Tried:
    """What a composed program did."""

    broken: frozenset[str]  # properties
    stopped: bool  # it raised, hung or fell silent somewhere

    @property
    def passes(self) -> bool:
        return not self.broken and not self.stopped


class Grafts:
    """The open bugs of one submission, judged one after the other."""

    def __init__(self, *, job: Job, told: Mapping[str, Status], spawn: Spawn, probes: list[Probe]) -> None:
        self._job, self._told, self._spawn, self._probes = job, told, spawn, probes
        self._until = time.monotonic() + TOGETHER_S
        self._tried: dict[str, Tried | None] = {}
        self._open = [bug for bug in job.bugs if bug.id not in told]
        self._clean = Program(job.shape)
        self._places = {bug.id: place(bug, shape=job.shape, clean=self._clean) for bug in job.bugs}

    def statuses(self, properties: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Status]]:
        """The status of each open bug, as soon as it is known; `properties` are those of the whole file."""
        try:
            edited = Program(self._job.source)
            repaired = self._without_standing_bugs(edited)
            self._tried[edited.unparsed()] = _already(properties, self._probes)
        except UNREADABLE:
            return
        whole = self._try(lambda: repaired, self._open)
        for bug in self._open:
            yield bug.id, self._status(bug, repaired, whole)

    def _status(self, bug: IssuedBug, repaired: Program, whole: Tried | None) -> Status:
        holder = (self._places[bug.id] or "").partition(".")[0]
        if holder in repaired.definitions and holder not in repaired.reached:
            return "blocked"  # nothing leads to it any more: what it does says nothing of the program
        if whole is not None and whole.passes:
            return self._unless_it_stands(bug)
        if holder not in repaired.definitions:
            return self._by_the_whole(bug, whole)
        rivals = [other for other in self._open if other is not bug and self._holder(other) == holder]
        graft = self._try(lambda: repaired.hosted_by(self._clean, keep=holder), [bug, *rivals])
        if graft is None:
            return "blocked"
        if graft.passes:
            return self._unless_it_stands(bug)
        shown = self._shows(bug, graft) and (whole is None or whole.stopped or self._shows(bug, whole))
        alone = not any(self._explains(other, bug, graft) for other in rivals)
        return "broken" if shown and (alone or stands(bug, self._job.source)) else "blocked"

    def _by_the_whole(self, bug: IssuedBug, whole: Tried | None) -> Status:
        """Its definition is gone, renamed or merged: the repaired file speaks if one bug alone is open."""
        alone = whole is not None and len(self._open) == 1 and self._shows(bug, whole)
        return "broken" if alone else "blocked"

    def _unless_it_stands(self, bug: IssuedBug) -> Status:
        return "blocked" if stands(bug, self._job.source) else "fixed"

    def _shows(self, bug: IssuedBug, tried: Tried) -> bool:
        """Whether a program shows what the bug is known by: for one that crashes that is a crash."""
        if bug.crashes:
            return tried.stopped
        return bool(tried.broken & set(bug.properties))

    def _explains(self, other: IssuedBug, bug: IssuedBug, graft: Tried) -> bool:
        """Whether another bug may be why a graft shows this one: alive, it breaks all that it is known by."""
        if bug.crashes or other.crashes:
            return other.crashes and graft.stopped
        return graft.stopped or graft.broken >= set(other.properties)

    def _holder(self, bug: IssuedBug) -> str:
        return (self._places[bug.id] or "").partition(".")[0]

    def _without_standing_bugs(self, edited: Program) -> Program:
        paths = {self._places[bug] for bug, status in self._told.items() if status == "broken"}
        return edited.with_functions(self._clean, {path for path in paths if path is not None})

    def _try(self, compose: Callable[[], Program], bugs: list[IssuedBug]) -> Tried | None:
        """What a program does, tried once; None when too much was tried already, or it can't be composed."""
        try:
            source = compose().unparsed()
        except UNREADABLE:
            return None
        if source not in self._tried:
            room = len(self._tried) < MOST and time.monotonic() < self._until
            self._tried[source] = self._examine(source, bugs) if room else None
        return self._tried[source]

    def _examine(self, source: str, bugs: list[IssuedBug]) -> Tried:
        job = replace(self._job, source=source, bugs=(), kind="check")
        session = Session(
            job=job, spawn=self._spawn, fill_uninitialized=True, source=source, until=self._until
        )
        measured = kind_for(job.contract).measurements(Subject(job=job, session=session, own=session))
        broken, stopped = set[str](), False
        try:
            for asked in ask([probe for probe in self._probes if _is_asked(probe, bugs)], measured):
                stopped = stopped or asked.fell_silent
                if asked.finding.status == "broken":
                    broken.add(asked.probe.name)
                    if _is_told(bugs, broken):
                        break
        finally:
            session.close()
        return Tried(frozenset(broken), stopped)


def _already(properties: Sequence[Mapping[str, Any]], probes: Iterable[Probe]) -> Tried:
    """What the whole file did; it did not pass."""
    statuses = {entry["name"]: entry["status"] for entry in properties}
    broken = frozenset(name for name, status in statuses.items() if status == "broken")
    failed = broken | {name for name, status in statuses.items() if status == "blocked"}
    silent = any(statuses.get(p.name) == "blocked" and failed.isdisjoint(p.needs) for p in probes)
    return Tried(broken, stopped=silent or not broken)


def _is_told(bugs: list[IssuedBug], broken: set[str]) -> bool:
    """Whether enough is known: of one bug, that it shows; of several, all that they are known by."""
    if len(bugs) == 1:
        return bool(broken & set(bugs[0].properties))
    return all(broken >= set(bug.properties) for bug in bugs)


def _is_asked(probe: Probe, bugs: list[IssuedBug]) -> bool:
    if any(probe.name in bug.properties for bug in bugs):
        return True
    components = {bug.component for bug in bugs}
    if probe.name == "loss_falls":
        return bool(components & TRAINING)
    if probe.component in WHOLE_FILE:
        return probe.component in components or (probe.component == "tokenizer" and "data" in components)
    return probe.name not in LEFT_OUT
