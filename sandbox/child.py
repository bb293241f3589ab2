"""One forked process as its parent sees it: limits, memory, end. Nothing of it is the child's word."""

from __future__ import annotations

import fcntl
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from sandbox import kernel
from sandbox.grip import Grip, grip_on
from sandbox.job import Ending, Reason
from sandbox.limits import Limits

_ABOVE_ALL = 128  # where descriptors wait while their final numbers are freed
_COULD_NOT_START = 70
_EXIT_S = 0.5  # from a closed line to the end of its process


@dataclass(slots=True)
class Child:
    """A process we started, and what we know of it."""

    pid: int
    grip: Grip
    limits: Limits
    memory_above: int  # what the zygote itself holds, which every child inherits and shares
    started: float = field(default_factory=time.monotonic)
    reason: Reason | None = None  # why we ended it, when it was us
    used_bytes: int = 0  # when it was last looked at
    peak_bytes: int = 0

    def check_limits(self, now: float) -> None:
        """Kills it when it is over its time, its memory or its threads."""
        memory, threads = self.grip.measure()
        self.used_bytes = memory - self.memory_above
        self.peak_bytes = max(self.peak_bytes, self.used_bytes)
        if now - self.started > self.limits.wall_s:
            self.kill("timeout")
        elif self.used_bytes > self.limits.memory_bytes:
            self.kill("memory")
        elif threads > self.limits.threads:  # where RLIMIT_NPROC can't be used: sandbox/jail.py
            self.kill("threads")

    def kill(self, reason: Reason) -> None:
        if self.reason is None:
            self.reason = reason
            self.grip.kill()

    def reap(self) -> Ending:
        """Waits for its end, which must have come or been ordered; releases what was held on it."""
        status, usage = self._wait()
        self.grip.close()
        code = os.waitstatus_to_exitcode(status)
        cpu = usage.ru_utime + usage.ru_stime
        return Ending(
            reason=self.reason or self._reason_of(code, cpu),
            code=abs(code),
            wall_ms=round(1000 * (time.monotonic() - self.started)),
            cpu_ms=round(1000 * cpu),
            peak_bytes=self.peak_bytes,
        )

    def _wait(self) -> tuple[int, resource.struct_rusage]:
        """Where its end isn't the kernel's word, it may live: then not for much longer."""
        deadline = time.monotonic() + _EXIT_S
        while not self.grip.certain:
            pid, status, usage = os.wait4(self.pid, os.WNOHANG)
            if pid:
                return status, usage
            if time.monotonic() > deadline:
                self.grip.kill()
                break
            time.sleep(0.002)
        return os.wait4(self.pid, 0)[1:]

    def _reason_of(self, code: int, cpu: float) -> Reason:
        if code >= 0:
            return "exited"
        spent = code == -signal.SIGKILL and cpu >= int(self.limits.wall_s)
        return "timeout" if spent else "signalled"  # SIGKILL from RLIMIT_CPU is a deadline like any other


@dataclass(frozen=True, slots=True, kw_only=True)
class Nursery:
    """Where children come from: with a process namespace each, if the host gives them."""

    memory_above: int
    own_namespace: int | None = None  # a descriptor on our own pid namespace; None: children share ours

    def fork(self, body: Callable[[], int], *, files: Sequence[int], limits: Limits) -> Child:
        """Forks a child that runs `body` with `files` as its descriptors 0, 1, 2, ... and no others."""
        if self.own_namespace is not None:
            kernel.unshare(kernel.CLONE_NEWPID)
        pid = os.fork()
        if pid == 0:
            run(body, files)
        if self.own_namespace is not None:
            kernel.setns(self.own_namespace, kernel.CLONE_NEWPID)  # else a second unshare is refused
        return Child(pid=pid, grip=grip_on(pid), limits=limits, memory_above=self.memory_above)


def run(body: Callable[[], int], files: Sequence[int], *, kept: Sequence[int] = ()) -> NoReturn:
    """Does `body` with `files` as the descriptors 0, 1, 2, ... and none besides but `kept`; then ends."""
    status = _COULD_NOT_START
    try:
        _arrange(files, kept)
        status = body()
    except BaseException:
        traceback.print_exc()
    finally:
        # Never the interpreter's own exit: with torch it takes 0.8 s, and it runs foreign atexit hooks.
        _flush()
        os._exit(status & 0xFF)


def _arrange(files: Sequence[int], kept: Sequence[int]) -> None:
    moved = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, _ABOVE_ALL) for descriptor in files]
    for number, descriptor in enumerate(moved):
        os.dup2(descriptor, number)
    kernel.close_all_but((*range(len(files)), *kept))


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BaseException:  # a submission may have put anything there
            continue
