"""A Spawn without a jail: forked processes of this test, for the examiner's own tests only."""

from __future__ import annotations

import gc
import os
import signal
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from sandbox import candidate
from sandbox.examiner import examine
from sandbox.job import Ending, Event, Job

torch.set_num_threads(1)  # a pool of threads would not survive the forks below

PROBLEM = Path(__file__).parents[2] / "problems" / "gpt"
SENTENCE = "attention is a soft lookup over the past"


class Forked:
    """A forked child that answers calls; killed when it outlives its wall time on a call's deadline."""

    def __init__(self, serve: Callable[[int, int], int]):
        calls_in, self.requests = os.pipe()
        self.replies, calls_out = os.pipe()
        self._ending: Ending | None = None
        self._started = time.monotonic()
        self._pid = os.fork()
        if self._pid == 0:
            _child(lambda: serve(calls_in, calls_out), close=(self.requests, self.replies))
        os.close(calls_in)
        os.close(calls_out)

    def end(self) -> Ending:
        if self._ending is None:
            os.close(self.requests)
            os.close(self.replies)
            self._ending = _reaped(self._pid, started=self._started, kill=True)
        return self._ending


class UnjailedSpawn:
    """Starts candidate processes by fork alone."""

    def __init__(self, job: Job):
        self._job = job
        self.output = ""

    def script(self) -> Ending:
        report_out, report_in = os.pipe()
        with tempfile.TemporaryFile() as output:
            started = time.monotonic()
            pid = os.fork()
            if pid == 0:
                os.dup2(output.fileno(), 1)
                os.dup2(output.fileno(), 2)
                _child(lambda: self._run(report_in), close=())
            os.close(report_in)
            with os.fdopen(report_out) as lines:
                reports = tuple(_json(line) for line in lines)
            ending = _reaped(pid, started=started, kill=False)
            output.seek(0)
            self.output = output.read().decode()
        return replace(ending, reports=tuple(report for report in reports if "loss" not in report))

    def _run(self, report_fd: int) -> int:
        job = self._job
        return candidate.run_script(
            source=job.source, filename=job.filename, seed=job.seed, report_fd=report_fd
        )

    def calls(
        self, *, source: str | None = None, fill_uninitialized: bool = False, visible: bool = False
    ) -> Forked:
        def serve(calls_in: int, calls_out: int) -> int:
            quiet = os.open(os.devnull, os.O_WRONLY)
            os.dup2(quiet, 1)
            os.dup2(quiet, 2)
            return candidate.serve_calls(
                source=self._job.source if source is None else source,
                filename=self._job.filename,
                seed=self._job.seed,
                calls_in=calls_in,
                calls_out=calls_out,
                fill_uninitialized=fill_uninitialized,
            )

        return Forked(serve)


def _json(line: str) -> dict[str, Any]:
    import json

    report: dict[str, Any] = json.loads(line)
    return report


def _child(run: Callable[[], int], *, close: tuple[int, ...]) -> None:
    """The forked side: it must never come back into pytest."""
    status = 99
    try:
        for fd in close:
            os.close(fd)
        status = run()
    finally:
        os._exit(status)


def _reaped(pid: int, *, started: float, kill: bool) -> Ending:
    if kill and os.waitpid(pid, os.WNOHANG)[0] == 0:
        os.kill(pid, signal.SIGKILL)
    else:
        kill = False
    try:
        _, status = os.waitpid(pid, 0)
    except ChildProcessError:
        status = 0
    wall_ms = round((time.monotonic() - started) * 1000)
    if kill:  # as the supervisor says of one that did not answer in time
        return Ending(reason="timeout", code=signal.SIGKILL, wall_ms=wall_ms)
    if os.WIFSIGNALED(status):
        return Ending(reason="signalled", code=os.WTERMSIG(status), wall_ms=wall_ms)
    return Ending(reason="exited", code=os.WEXITSTATUS(status), wall_ms=wall_ms)


@pytest.fixture(scope="session")
def warm_torch() -> None:
    """What the first optimizer pulls in (torch._dynamo, a second of work), once for all forked children."""
    parameter = torch.nn.Parameter(torch.zeros(2, 2))
    parameter.grad = torch.zeros(2, 2)
    for kind in (torch.optim.AdamW, torch.optim.SGD):
        kind([parameter], lr=0.1).step()
    gc.collect()
    gc.freeze()  # or a collection in each child would copy every page of ours


@pytest.fixture(scope="session")
def shape() -> str:
    return (PROBLEM / "shapes" / "gpt.py").read_text()


@pytest.fixture(scope="session")
def examined(warm_torch: None) -> Callable[..., dict[str, Any]]:
    """examined(source) is the verdict of a source; more keywords go into its job."""
    probes = (PROBLEM / "probes.py").read_text()
    clean = (PROBLEM / "shapes" / "gpt.py").read_text()

    def run(source: str, *, events: list[Event] | None = None, **more: Any) -> dict[str, Any]:
        options: dict[str, Any] = {"kind": "check", "text": SENTENCE, "problem": "gpt", "seed": 7}
        job = Job(**options | {"source": source, "probes": probes, "shape": clean} | more)
        emit = events.append if events is not None else (lambda event: None)
        return examine(job, spawn=UnjailedSpawn(job), emit=emit, level="rlimits")

    return run
