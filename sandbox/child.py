"""One forked process as its parent sees it: limits, memory, end. Nothing of it is the child's word."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from sandbox import kernel
from sandbox.job import Ending, Limits, Reason

# What is swapped out or lies in huge pages is held all the same, and counts as no Rss.
_COUNTED = re.compile(rb"^(?:RssAnon|RssShmem|VmSwap|HugetlbPages):\s+(\d+) kB", re.MULTILINE)
_THREADS = re.compile(rb"^Threads:\s+(\d+)", re.MULTILINE)
_ABOVE_ALL = 128  # where descriptors wait while their final numbers are freed
_COULD_NOT_START = 70


@dataclass(slots=True)
class Child:
    """A process we forked, held by a pidfd: its number can't be reused while we hold it."""

    pid: int
    pidfd: int
    limits: Limits
    memory_above: int  # what the zygote itself holds, which every child inherits and shares
    started: float = field(default_factory=time.monotonic)
    reason: Reason | None = None  # why we ended it, when it was us
    peak_bytes: int = 0
    _status: int = -1
    _tasks: int = -1

    def __post_init__(self) -> None:
        place = f"/proc/{_number_in_proc(self.pidfd)}"
        self._status = os.open(f"{place}/status", os.O_RDONLY)
        self._tasks = os.open(f"{place}/task", os.O_RDONLY | os.O_DIRECTORY)

    def check_limits(self, now: float) -> None:
        """Kills it when it is over its time, its memory or its threads."""
        status = self._read_status()
        self.peak_bytes = max(self.peak_bytes, memory_in(status) - self.memory_above)
        if now - self.started > self.limits.wall_s:
            self.kill("timeout")
        elif self.peak_bytes > self.limits.memory_bytes:
            self.kill("memory")
        elif _threads_in(status) > self.limits.threads:  # where RLIMIT_NPROC can't be set: see jail.py
            self.kill("threads")

    def kill(self, reason: Reason) -> None:
        if self.reason is None:
            self.reason = reason
            signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)

    def reap(self) -> Ending:
        """Waits for its end, which must have come or been ordered; releases what was held on it."""
        _, status, usage = os.wait4(self.pid, 0)
        os.close(self.pidfd)
        os.close(self._status)
        os.close(self._tasks)
        code = os.waitstatus_to_exitcode(status)
        cpu = usage.ru_utime + usage.ru_stime
        return Ending(
            reason=self.reason or self._reason_of(code, cpu),
            code=abs(code),
            wall_ms=round(1000 * (time.monotonic() - self.started)),
            cpu_ms=round(1000 * cpu),
            peak_bytes=self.peak_bytes,
        )

    def _reason_of(self, code: int, cpu: float) -> Reason:
        if code >= 0:
            return "exited"
        spent = code == -signal.SIGKILL and cpu >= int(self.limits.wall_s)
        return "timeout" if spent else "signalled"  # SIGKILL from RLIMIT_CPU is a deadline like any other

    def _read_status(self) -> bytes:
        """Of its first thread; of another one when that has ended, since then it tells no memory any more."""
        status = os.pread(self._status, 4096, 0)
        if _COUNTED.search(status) is None:
            with os.scandir(self._tasks) as tasks:
                for task in tasks:
                    with suppress(OSError):  # it ends while we look
                        of_task = _read(f"{task.name}/status", folder=self._tasks)
                        status = of_task if _COUNTED.search(of_task) else status
        return status


def memory_in(status: bytes) -> int:
    """The memory of its own in a /proc/<pid>/status, in bytes; 0 once the thread is dead."""
    return 1024 * sum(int(number) for number in _COUNTED.findall(status))


def _threads_in(status: bytes) -> int:
    match = _THREADS.search(status)
    return int(match[1]) if match else 0


def _read(path: str, *, folder: int) -> bytes:
    descriptor = os.open(path, os.O_RDONLY, dir_fd=folder)
    try:
        return os.read(descriptor, 4096)
    finally:
        os.close(descriptor)


def own_memory() -> int:
    return memory_in(Path("/proc/self/status").read_bytes())


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
            _run(body, files)
        if self.own_namespace is not None:
            kernel.setns(self.own_namespace, kernel.CLONE_NEWPID)  # else a second unshare is refused
        return Child(pid=pid, pidfd=os.pidfd_open(pid), limits=limits, memory_above=self.memory_above)


def _run(body: Callable[[], int], files: Sequence[int]) -> None:
    status = _COULD_NOT_START
    try:
        _arrange(files)
        status = body()
    except BaseException:
        traceback.print_exc()
    finally:
        # Never the interpreter's own exit: with torch it takes 0.8 s, and it runs foreign atexit hooks.
        _flush()
        os._exit(status & 0xFF)


def _arrange(files: Sequence[int]) -> None:
    moved = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, _ABOVE_ALL) for descriptor in files]
    for number, descriptor in enumerate(moved):
        os.dup2(descriptor, number)
    kernel.close_all_but(range(len(files)))


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BaseException:  # a submission may have put anything there
            continue


def _number_in_proc(pidfd: int) -> int:
    """The process's number as /proc counts, which needn't be the namespace we count in."""
    match = re.search(rb"^Pid:\s+(\d+)", Path(f"/proc/self/fdinfo/{pidfd}").read_bytes(), re.MULTILINE)
    if match is None:
        raise ProcessLookupError(3, "no such process in /proc")
    return int(match[1])
