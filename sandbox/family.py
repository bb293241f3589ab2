"""The processes of one run: makes their pipes, forks them with exactly the descriptors they need."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

from sandbox.bodies import Bodies, Work
from sandbox.child import Child
from sandbox.confined import Confined, Output, Reports
from sandbox.limits import Limits
from sandbox.stream import Stream, Tell

_LOG = 2  # the zygote's own standard error: what our processes say when they fail


class Cradle(Protocol):
    """Where children come from: a fork of this process, or a pool of processes that are warm already."""

    def fork(self, body: Work, *, files: Sequence[int], limits: Limits) -> Child: ...


class Family:
    """Every process that a run has forked so far."""

    def __init__(self, limits: Limits, *, bodies: Bodies, nursery: Cradle, tell: Tell) -> None:
        self._limits = limits
        self._bodies = bodies
        self._nursery = nursery
        self._tell = tell
        self._nothing = os.open("/dev/null", os.O_RDWR)
        self._all: list[Confined] = []

    def living(self) -> list[Confined]:
        return [confined for confined in self._all if confined.ending is None]

    def hold_to_limits(self, now: float) -> None:
        """Kills who is over a limit of its own, and the largest when all together are over theirs."""
        children = [confined.child for confined in self.living()]
        for child in children:
            child.check_limits(now)
        if sum(child.used_bytes for child in children) > self._limits.run_bytes:
            max(children, key=lambda child: child.used_bytes).kill("memory")

    def streaming(self) -> bool:
        """Whether output waits to be told."""
        return any(confined.stream is not None and confined.stream.waiting for confined in self.living())

    def script(self, source: int) -> Confined:
        """The visible run of the submission; `source` is the memory file that holds it."""
        reading, writing = os.pipe()
        confined = self._fork_visible(self._work("run_script"), files=(source, writing))
        os.close(writing)
        assert confined.stream is not None
        confined.reports = Reports(confined.stream, limits=self._limits)
        confined.listen(reading, confined.reports.take)
        return confined

    def calls(self, *, fill_uninitialized: bool, visible: bool) -> tuple[Confined, tuple[int, int]]:
        """A process that answers calls, and our ends of its pipes: requests to write, replies to read."""
        requests_end, requests = os.pipe()
        replies, replies_end = os.pipe()
        body = self._work("serve_calls", fill_uninitialized=fill_uninitialized)
        files = (requests_end, replies_end)
        confined = self._fork_visible(body, files=files) if visible else self._fork(body, files=files)
        os.close(requests_end)
        os.close(replies_end)
        return confined, (requests, replies)

    def examiner(self, files: tuple[int, int, int]) -> Confined:
        """The process that judges; its deadline is that of the whole run."""
        limits = replace(self._limits, wall_s=self._limits.examine_s)
        return self._fork(self._work("examine"), files=files, output=(_LOG, _LOG), limits=limits)

    def _work(self, name: str, **options: Any) -> Work:
        return Work(bodies=self._bodies, name=name, options=options)

    def _fork_visible(self, body: Work, *, files: tuple[int, ...]) -> Confined:
        stdout, stdout_end = os.pipe()
        stderr, stderr_end = os.pipe()
        confined = self._fork(body, files=files, output=(stdout_end, stderr_end))
        os.close(stdout_end)
        os.close(stderr_end)
        stop = functools.partial(confined.child.kill, "output")
        confined.stream = Stream(self._tell)
        output = Output(confined.stream, limits=self._limits, on_excess=stop)
        confined.listen(stdout, output.taker("stdout"))
        confined.listen(stderr, output.taker("stderr"))
        return confined

    def _fork(
        self,
        body: Work,
        *,
        files: tuple[int, ...],
        output: tuple[int, int] | None = None,
        limits: Limits | None = None,
    ) -> Confined:
        reading, writing = os.pipe()
        output = output or (self._nothing, self._nothing)
        child = self._nursery.fork(
            body, files=(self._nothing, *output, writing, *files), limits=limits or self._limits
        )
        os.close(writing)
        confined = Confined(child)
        confined.listen(reading, confined.take_setup)
        self._all.append(confined)
        return confined
