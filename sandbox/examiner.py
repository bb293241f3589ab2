"""Examines one submission: runs a problem's probes against the remote candidate and builds the verdict.

Runs in a process of its own, which trusts nothing that a candidate process answers.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch

# blocks, generation, memory and objective are what probes import: loaded here, once for all examinations
from sandbox import blocks, generation, memory, objective
from sandbox.calls import CandidateFault
from sandbox.criteria import judge_criteria
from sandbox.failures import Failure, failure, sanitised
from sandbox.job import Ending, Event, Job
from sandbox.measurements import Measurements
from sandbox.probing import Finding, Probe, blocked, load_probes, property_entry
from sandbox.session import CandidateProcess, Session, Spawn, ending_failure
from sandbox.subject import Subject
from sandbox.verdict import build_verdict
from sandbox.wording import stopped

__all__ = ["CandidateProcess", "Spawn", "blocks", "examine", "generation", "memory", "objective"]

_BATCH = 200  # loss points in one event


def examine(job: Job, *, spawn: Spawn, emit: Callable[[Event], None], level: str) -> dict[str, Any]:
    """The verdict of a job. Emits status, loss and property events on the way.

    Everything that the submission does wrong ends in the verdict; what is raised from here is our own fault.
    """
    torch.set_num_threads(1)
    started = time.monotonic()
    script = _run_script(job, spawn=spawn, emit=emit) if job.kind == "run" else None
    ran = time.monotonic()
    emit(Event("status", {"phase": "examining"}))
    session = Session(job=job, spawn=spawn, fill_uninitialized=True)
    own = Session(job=job, spawn=spawn, fill_uninitialized=False)
    subject = Subject(job=job, session=session, own=own)
    try:
        subject.begin_own_training()
        properties, notes = _run_probes(load_probes(job.probes), Measurements(subject), emit=emit)
        criteria, reason = judge_criteria(subject)
        if script is None or not script.losses:
            _emit_losses(subject, emit=emit)
    finally:
        session.close()
        own.close()
    return build_verdict(
        job=job,
        level=level,
        criteria=criteria,
        properties=properties,
        notes=notes,
        failure=_first_failure(script, reason),
        timings=_timings((session, own), started=started, ran=ran),
    )


def _timings(sessions: tuple[Session, Session], *, started: float, ran: float) -> dict[str, int]:
    """Milliseconds on the wall: visible run, waiting for loading and for training, the rest, everything."""
    now = time.monotonic()
    load, train = (sum(session.seconds.get(name, 0.0) for session in sessions) for name in ("load", "train"))
    rest = now - ran - load - train
    parts = {"run_ms": ran - started, "load_ms": load, "train_ms": train, "probe_ms": rest}
    return {name: round(seconds * 1000) for name, seconds in (parts | {"total_ms": now - started}).items()}


def _run_probes(
    probes: list[Probe], measured: Measurements, *, emit: Callable[[Event], None]
) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    roots: dict[str, str] = {}  # property that does not hold: title of the one that keeps it from being tried
    entries, notes = {}, []
    for probe in sorted(probes, key=lambda probe: probe.waits):
        root = next((roots[needed] for needed in probe.needs if needed in roots), None)
        finding = (
            _find(probe, measured)
            if root is None
            else blocked(f"Could not be tried before this holds: {root}.")
        )
        if finding.status in ("broken", "blocked"):
            roots[probe.name] = root or probe.title
        entries[probe.name] = property_entry(probe, finding)
        emit(Event("property", entries[probe.name]))
        if finding.note is not None:
            notes.append({"name": finding.note[0], "text": finding.note[1]})
    return [entries[probe.name] for probe in probes], notes


def _find(probe: Probe, measured: Measurements) -> Finding:
    try:
        return probe.run(measured)
    except CandidateFault as fault:
        reason = fault.failure or failure("exception", str(fault))
        return blocked(f"Could not be tried: {stopped(reason)}")
    except Exception as error:  # numbers that no right program answers; the probes themselves are tested
        return blocked(f"Could not be tried: the answers do not fit together ({type(error).__name__}).")


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
