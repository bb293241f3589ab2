"""How a parent holds a child: notices its end, kills it, measures it, without ever taking another for it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Protocol

# What is swapped out or lies in huge pages is held all the same, and counts as no Rss. Nor do page tables: a
# program that only looks at single pages far apart fills a GiB of them.
_COUNTED = re.compile(rb"^(?:RssAnon|RssShmem|VmSwap|HugetlbPages|VmPTE):\s+(\d+) kB", re.MULTILINE)
_THREADS = re.compile(rb"^Threads:\s+(\d+)", re.MULTILINE)
_LOOK_S = 0.2


class Grip(Protocol):
    """`fileno` can be read from once the child has ended; `certain` if that is the kernel's word."""

    certain: bool

    def fileno(self) -> int: ...
    def kill(self) -> None: ...
    def measure(self) -> tuple[int, int]: ...  # bytes of memory, threads; zeros once it is dead
    def close(self) -> None: ...


class PidfdGrip:
    """A pidfd and an open /proc/<pid>/status: the number can't be reused while we hold them. Linux alone."""

    certain = True

    def __init__(self, pid: int) -> None:
        self._pidfd = os.pidfd_open(pid)
        place = f"/proc/{_number_in_proc(self._pidfd)}"
        self._status = os.open(f"{place}/status", os.O_RDONLY)
        self._tasks = os.open(f"{place}/task", os.O_RDONLY | os.O_DIRECTORY)

    def fileno(self) -> int:
        return self._pidfd

    def kill(self) -> None:
        signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def measure(self) -> tuple[int, int]:
        status = self._read_status()
        return memory_in(status), threads_in(status)

    def close(self) -> None:
        os.close(self._pidfd)
        os.close(self._status)
        os.close(self._tasks)

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


class LineGrip:
    """A line whose other end the child alone holds: it closes when the child ends, on any system.

    The child is ours and not reaped yet, so its number stays its own. A submission may write
    to the line; then it is taken for ended, and killed. Closing it changes nothing while a thread reads it.
    """

    certain = False

    def __init__(self, pid: int, line: socket.socket) -> None:
        self._pid = pid
        self._line = line
        self._measured = 0
        self._next = 0.0

    def fileno(self) -> int:
        return self._line.fileno()

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)

    def measure(self) -> tuple[int, int]:
        """Threads aren't told; memory now and then, since each look may take a process."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _LOOK_S
            self._measured = memory_of(self._pid)
        return self._measured, 0

    def close(self) -> None:
        self._line.close()


def grip_on(pid: int) -> Grip:
    """The best grip on a child that was just forked and knows of no line."""
    if hasattr(os, "pidfd_open"):
        return PidfdGrip(pid)
    line, other = socket.socketpair()  # the self-test of a pool: its end is told by its results
    other.close()
    return LineGrip(pid, line)


def _read(path: str, *, folder: int) -> bytes:
    descriptor = os.open(path, os.O_RDONLY, dir_fd=folder)
    try:
        return os.read(descriptor, 4096)
    finally:
        os.close(descriptor)


def memory_in(status: bytes) -> int:
    """What a /proc/<pid>/status tells of memory that is held, page tables too, in bytes; 0 of the dead."""
    return 1024 * sum(int(number) for number in _COUNTED.findall(status))


def threads_in(status: bytes) -> int:
    """How many threads a /proc/<pid>/status tells of."""
    return sum(int(number) for number in _THREADS.findall(status))


def own_memory() -> int:
    return memory_in(Path("/proc/self/status").read_bytes())


def memory_of(pid: int) -> int:
    """What /proc tells of a process, or ps where there is no /proc."""
    try:
        return memory_in(Path(f"/proc/{pid}/status").read_bytes())
    except OSError:
        return memory_by_ps(pid)


def memory_by_ps(pid: int) -> int:
    """The resident memory that ps tells, in bytes; 0 for a process that is dead, or without a ps."""
    try:
        told = subprocess.run(["/bin/ps", "-o", "rss=", "-p", str(pid)], capture_output=True, check=False)
    except OSError:
        return 0
    return 1024 * int(told.stdout.strip() or 0)


def _number_in_proc(pidfd: int) -> int:
    """The process's number as /proc counts, which needn't be the namespace we count in."""
    match = re.search(rb"^Pid:\s+(\d+)", Path(f"/proc/self/fdinfo/{pidfd}").read_bytes(), re.MULTILINE)
    if match is None:
        raise ProcessLookupError(3, "no such process in /proc")
    return int(match[1])
