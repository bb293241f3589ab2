"""Examines one submission: runs a problem's probes against the remote candidate and builds the verdict.

Runs in a process of its own, which trusts nothing that a candidate process answers.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch

# what probes import, from beyond to trained, is loaded here: once for all examinations
from sandbox import (
    beyond,
    blocks,
    caching,
    generation,
    grafts,
    memory,
    objective,
    own_logits,
    paths,
    pictures,
    pooling,
    position_use,
    proof,
    resting,
    rotations,
    routing,
    saturation,
    sinks,
    slopes,
    steps,
    stream_scale,
    targets,
    tiles,
    trained,
)
from sandbox.asking import ask
from sandbox.bugs import told_by_text
from sandbox.calls import CandidateFault
from sandbox.failures import Failure, failure, plain, sanitised
from sandbox.grafts import Grafts
from sandbox.job import Ending, Event, Job
from sandbox.kinds import kind_for
from sandbox.probing import MOST_CHARACTERS, Probe, load_probes, property_entry, with_what_they_need
from sandbox.rewrites import rewrite_note
from sandbox.session import CandidateProcess, Session, Spawn, ending_failure
from sandbox.subject import Subject
from sandbox.verdict import build_verdict

__all__ = [
    "CandidateProcess",
    "Spawn",
    "beyond",
    "blocks",
    "caching",
    "examine",
    "generation",
    "memory",
    "objective",
    "own_logits",
    "paths",
    "pictures",
    "pooling",
    "position_use",
    "proof",
    "resting",
    "rotations",
    "routing",
    "saturation",
    "sinks",
    "slopes",
    "steps",
    "stream_scale",
    "targets",
    "tiles",
    "trained",
]

_BATCH = 200  # loss points in one event


def examine(job: Job, *, spawn: Spawn, emit: Callable[[Event], None], level: str) -> dict[str, Any]:
    """The verdict of a job. Emits status, loss and property events on the way.

    Where grafts are still to speak for some bugs, the verdict on the whole file is an event too, and each of
    those bugs is one. Everything that the submission does wrong ends in the verdict; what is raised from here
    is our own fault.
    """
    torch.set_num_threads(1)
    started = time.monotonic()
    script = _run_script(job, spawn=spawn, emit=emit) if job.kind == "run" else None
    ran = time.monotonic()
    emit(Event("status", {"phase": "examining"}))
    kind = kind_for(job.contract)
    session = Session(job=job, spawn=spawn, fill_uninitialized=True)
    own = Session(job=job, spawn=spawn, fill_uninitialized=False)
    subject = Subject(job=job, session=session, own=own)
    try:
        subject.begin_own_training(wait=job.in_turn)
        probes = load_probes(job.probes, job.compiled)
        asked = with_what_they_need(probes, job.only)
        properties, notes = _run_probes(asked, kind.measurements(subject), emit=emit)
        if rewrite := rewrite_note(job):
            notes.append(rewrite)
        criteria, reason = kind.criteria(subject)
        if script is None or not script.losses:
            _emit_losses(subject, emit=emit)
    finally:
        session.close()
        own.close()
    told = told_by_text(job, properties=properties)
    timings = _timings((session, own), started=started, ran=ran)
    verdict = build_verdict(
        job=job,
        level=level,
        criteria=criteria,
        properties=properties,
        told=told,
        notes=notes,
        failure=_first_failure(script, reason),
        timings=timings,
    )
    left_s = job.limits.examine_s - (time.monotonic() - started)
    if verdict["outcome"] == "passed" or len(told) == len(job.bugs) or left_s < 2 * grafts.TOGETHER_S:
        return verdict
    emit(Event("verdict", verdict))
    return _with_grafts(verdict, Grafts(job=job, told=told, spawn=spawn, probes=probes), emit=emit)


def _with_grafts(
    verdict: dict[str, Any], grafted: Grafts, *, emit: Callable[[Event], None]
) -> dict[str, Any]:
    """The verdict with the status of each bug that the text of the file left open."""
    began = time.monotonic()
    bugs = {entry["id"]: entry for entry in verdict["bugs"]}
    for bug, status in grafted.statuses(verdict["properties"]):
        bugs[bug] = {**bugs[bug], "status": status}
        emit(Event("bug", {"id": bug, "status": status}))
    spent = round((time.monotonic() - began) * 1000)
    timings = verdict["timings"]
    timings = {**timings, "graft_ms": spent, "total_ms": timings["total_ms"] + spent}
    return {**verdict, "bugs": list(bugs.values()), "timings": timings}


def _timings(sessions: tuple[Session, Session], *, started: float, ran: float) -> dict[str, int]:
    """Milliseconds on the wall: visible run, waiting for loading and for training, the rest, everything."""
    now = time.monotonic()
    load, train = (sum(session.seconds.get(name, 0.0) for session in sessions) for name in ("load", "train"))
    rest = now - ran - load - train
    parts = {"run_ms": ran - started, "load_ms": load, "train_ms": train, "probe_ms": rest}
    parts |= {"graft_ms": 0.0, "total_ms": now - started}
    return {name: round(seconds * 1000) for name, seconds in parts.items()}


def _run_probes(
    probes: list[Probe], measured: Any, *, emit: Callable[[Event], None]
) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    entries, notes = {}, []
    for asked in ask(probes, measured):
        entries[asked.probe.name] = property_entry(asked.probe, asked.finding)
        emit(Event("property", entries[asked.probe.name]))
        if asked.finding.note is not None:
            name, text = asked.finding.note
            notes.append({"name": name, "text": plain(text[:MOST_CHARACTERS])})
    return [entries[probe.name] for probe in probes], notes


class _Script:
    """How the visible run of the file ended."""

    def __init__(self, ending: Ending, job: Job):
        self.losses = sum(_count(report.get("losses")) for report in ending.reports)
        self.failure = ending_failure(ending, limits=job.limits)
        for report in ending.reports:
            if self.failure is None and "failure" in report:
                self.failure = sanitised(report["failure"])
        if self.failure is None and ending.code != 0:
            self.failure = failure("exception", f"The file ended with exit status {ending.code}.")


def _first_failure(script: _Script | None, reason: Failure | None) -> Failure | None:
    """What stopped the visible run at a limit, for the person saw that; else what kept a criterion from being
    tried, which tells more of an exception than the run's exit status does."""
    shown = script.failure if script else None
    if shown is not None and shown["kind"] in ("output", "memory", "timeout"):
        return shown
    return reason or shown


def _count(value: Any) -> int:
    return value if type(value) is int and value > 0 else 0


def _run_script(job: Job, *, spawn: Spawn, emit: Callable[[Event], None]) -> _Script:
    emit(Event("status", {"phase": "running"}))
    return _Script(spawn.script(), job)


def _emit_losses(subject: Subject, *, emit: Callable[[Event], None]) -> None:
    """The loss curve of the own training, for a run that showed none itself."""
    try:
        training = subject.own_training
    except CandidateFault:
        return
    losses = training.computed or training.returned
    points = [[step, round(loss, 5)] for step, loss in enumerate(losses[:20_000]) if abs(loss) < 1e9]
    for start in range(0, len(points), _BATCH):
        emit(Event("loss", {"points": points[start : start + _BATCH]}))
