"""The candidate process as the examiner sees it: started when first asked, started again when it was lost."""

from __future__ import annotations

import contextlib
import math
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sandbox.calls import Array, Caller, CandidateFault, Message
from sandbox.failures import Failure, failure, sanitised
from sandbox.job import Ending, Job
from sandbox.limits import MIB, Limits

_MOST_DEATHS = 3


class CandidateProcess(Protocol):
    """A jailed process that answers calls on two pipes."""

    requests: int  # fd, the examiner writes
    replies: int  # fd, the examiner reads

    def end(self) -> Ending: ...  # kills it if it is alive, reaps it, tells how it ended; idempotent


class Spawn(Protocol):
    """What starts candidate processes for the examiner."""

    def script(self) -> Ending: ...  # runs the source visibly to its end

    def calls(
        self, *, source: str | None = None, fill_uninitialized: bool = False, visible: bool = False
    ) -> CandidateProcess: ...  # source None: the job's


@dataclass
class _Live:
    process: CandidateProcess
    caller: Caller
    loaded: bool = False


class Session:
    """Calls to one submission. A process that dies or falls silent is replaced, twice at most.

    `generation` counts the processes that ended: whoever keeps handles must drop them when it changes.
    """

    def __init__(
        self,
        *,
        job: Job,
        spawn: Spawn,
        fill_uninitialized: bool,
        source: str | None = None,
        until: float = math.inf,
    ):
        """`source` instead of the job's; `until` on the monotonic clock, besides the limits of the job."""
        self._job, self._spawn, self._fill, self._source = job, spawn, fill_uninitialized, source
        self._until = min(until, time.monotonic() + job.limits.examine_s)
        self._live: _Live | None = None
        self._last_fault: CandidateFault | None = None
        self._deaths = 0
        self._begun = ""  # the call that was posted and not yet answered
        self.generation = 0
        self.seconds: dict[str, float] = {}  # spent waiting, by the name of the call

    def call(
        self, name: str, fields: Mapping[str, Any] | None = None, arrays: Mapping[str, Array] | None = None
    ) -> Message:
        """The answer. Raises CandidateFault, always with a `failure` that is fit for the verdict."""
        self.begin(name, fields, arrays)
        return self.finish()

    def begin(
        self, name: str, fields: Mapping[str, Any] | None = None, arrays: Mapping[str, Array] | None = None
    ) -> None:
        """Asks without waiting; `finish` waits. A process that was only just started loads first."""
        caller = self._started().caller
        self._begun = name
        with self._blaming():
            caller.post(name, fields, arrays, timeout_s=self._timeout())

    def finish(self) -> Message:
        """The answer to the call that was begun."""
        live, name, asked = self._started(), self._begun, time.monotonic()
        self._begun = ""
        if not live.loaded:
            self._take_load(live)
        try:
            with self._blaming():
                return live.caller.take(timeout_s=self._timeout())
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - asked

    def without_fill(self) -> None:
        """Ends the process; the next one leaves uninitialised memory as it is."""
        self._fill = False
        self.close()

    def close(self) -> None:
        if self._live is not None:
            self._live.process.end()
            self._live = None
            self.generation += 1

    def _started(self) -> _Live:
        if self._live is None:
            if self._last_fault is not None and (self._deaths >= _MOST_DEATHS or self._timeout() <= 0):
                raise self._last_fault
            process = self._spawn.calls(source=self._source, fill_uninitialized=self._fill)
            caller = Caller(
                requests=process.requests, replies=process.replies, answer_bytes=self._job.limits.answer_bytes
            )
            self._live = _Live(process, caller)
            with self._blaming():
                caller.post("load", {"contract": self._job.contract}, timeout_s=self._timeout())
        return self._live

    def _take_load(self, live: _Live) -> None:
        asked = time.monotonic()
        try:
            with self._blaming():
                live.caller.take(timeout_s=self._timeout())
        except CandidateFault:
            self.close()  # nothing is loaded in it: a later call would blame its own name for that
            raise
        live.loaded = True
        self.seconds["load"] = self.seconds.get("load", 0.0) + time.monotonic() - asked

    @contextlib.contextmanager
    def _blaming(self) -> Iterator[None]:
        """Gives a fault the failure that is said of it; one that is fatal ends the process."""
        live = self._live
        try:
            yield
        except CandidateFault as fault:
            if not fault.fatal:
                fault.failure = sanitised(fault.failure)
                raise
            self._deaths += 1
            self.close()
            reason = self._why(fault, live.process.end()) if live else fault.failure
            self._last_fault = CandidateFault(fault.kind, str(fault), failure=reason)
            raise self._last_fault from fault

    def _timeout(self) -> float:
        return min(self._job.limits.wall_s, self._until - time.monotonic())

    def _why(self, fault: CandidateFault, ending: Ending) -> Failure:
        ours = ending.reason == "cancelled"  # by us, for the fault: it says more
        return (None if ours else ending_failure(ending, limits=self._job.limits)) or (
            failure("timeout", f"Stopped after {self._job.limits.wall_s:.0f} s: it did not answer.")
            if fault.kind == "timeout"
            else failure("contract", f"What it answered could not be read: {fault}.")
            if fault.kind == "answer"
            else failure("exception", "The file ended its own process in the middle of a call.")
        )


def ending_failure(ending: Ending, *, limits: Limits) -> Failure | None:
    """What a process's end says by itself; None where it just ended."""
    if ending.reason == "timeout":
        return failure("timeout", f"Stopped after {limits.wall_s:.0f} s.")
    if ending.reason == "memory":
        alone = ending.peak_bytes > limits.memory_bytes
        bound = limits.memory_bytes if alone else limits.run_bytes
        words = "of memory" if alone else "of memory in all processes of the run"
        return failure("memory", f"Stopped at {bound // MIB} MiB {words}.")
    if ending.reason == "threads":
        return failure("killed", f"Stopped with more than {limits.threads} threads.")
    if ending.reason == "output":
        return failure("output", f"Stopped after {limits.output_bytes // 1024} KiB of output.")
    if ending.reason == "cancelled":
        return failure("killed", "Stopped before its end.")
    if ending.reason == "signalled" and ending.code == signal.SIGKILL:  # nobody of ours: it says when it does
        return failure("killed", "The process was killed from outside: the machine may be out of memory.")
    if ending.reason == "signalled":
        return failure("killed", f"The process crashed (signal {ending.code}).")
    return None
