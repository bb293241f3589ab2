"""What each forked process of a run does between its birth and its `_exit`: lock itself in, then its work.

The texts come from sealed memory files or pipes and are read here, after the fork and behind the walls: no
other process of the run ever holds them.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import traceback
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from sandbox import jail
from sandbox.job import Event, Job
from sandbox.limits import Limits
from sandbox.lines import encode
from sandbox.spawn import RemoteSpawn, receive_source

LOCKED = b"locked"
WORKERS = ("sandbox.candidate", "sandbox.examiner")  # they import torch: below, where they are used
# Descriptors of every body: 0 is empty, 1 and 2 its output, 3 tells the supervisor whether the walls stand.
_SETUP, _FIRST, _SECOND, _THIRD = 3, 4, 5, 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Bodies:
    """The bodies of one run's processes; holds no text of anyone."""

    walls: jail.Walls
    level: str
    limits: Limits
    filename: str
    seed: int

    def run_script(self) -> int:
        """Descriptors: 4 the submission, 5 the reports."""
        self._lock(self.limits)
        source = _read_all(_FIRST).decode()
        from sandbox import candidate

        return candidate.run_script(source=source, filename=self.filename, seed=self.seed, report_fd=_SECOND)

    def serve_calls(self, *, fill_uninitialized: bool) -> int:
        """Descriptors: 4 the source and then the calls, 5 the answers."""
        self._lock(self.limits)
        from sandbox import candidate

        return candidate.serve_calls(
            source=receive_source(_FIRST),
            filename=self.filename,
            seed=self.seed,
            calls_in=_FIRST,
            calls_out=_SECOND,
            fill_uninitialized=fill_uninitialized,
        )

    def examine(self) -> int:
        """Descriptors: 4 the job, 5 the supervisor, 6 the app, which alone hears what was found."""
        channel = socket.socket(fileno=_SECOND)  # asks for the socket's name, which the filter wouldn't allow
        self._lock(replace(self.limits, wall_s=self.limits.examine_s), receives_descriptors=True)
        job = Job.from_json(json.loads(_read_all(_FIRST)))
        spawn = RemoteSpawn(channel, source=job.source)
        from sandbox import examiner

        try:
            verdict = examiner.examine(job, spawn=spawn, emit=_tell_event, level=self.level)
        except Exception:
            _tell({"error": traceback.format_exc()[-8192:]})
            return 1
        _tell({"verdict": verdict})
        return 0

    def _lock(self, limits: Limits, *, receives_descriptors: bool = False) -> None:
        try:
            jail.lock(self.walls, limits, receives_descriptors=receives_descriptors)
        except OSError as error:
            os.write(_SETUP, str(error).encode())
            raise
        os.write(_SETUP, LOCKED)
        os.close(_SETUP)
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(line_buffering=True, errors="backslashreplace")  # type: ignore[union-attr]


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One body as a value: a process that wasn't forked from here can be told what to do."""

    bodies: Bodies
    name: str
    options: dict[str, Any] = field(default_factory=dict)

    def __call__(self) -> int:
        status: int = getattr(self.bodies, self.name)(**self.options)
        return status

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Work:
        bodies = data["bodies"]
        walls = jail.Walls(**{**bodies["walls"], "readable": tuple(bodies["walls"]["readable"])})
        limits = Limits(**bodies["limits"])
        return cls(**{**data, "bodies": Bodies(**{**bodies, "walls": walls, "limits": limits})})


def _tell_event(event: Event) -> None:
    _tell({"event": event.kind, "data": event.data})


def _tell(message: dict[str, Any]) -> None:
    view = memoryview(encode(message))
    while view:
        view = view[os.write(_THIRD, view) :]


def _read_all(descriptor: int) -> bytes:
    text = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
    os.close(descriptor)
    return text
