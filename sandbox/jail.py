"""Turns the process that calls it into a locked-down one; from then on it may compute, print and answer.

The order matters, and each step says why it stands where it does. Nothing here can be undone from inside.
"""

from __future__ import annotations

import os
import resource
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sandbox import kernel, landlock, seccomp
from sandbox.limits import Limits
from sandbox.root import DEVICES, SCRATCH

_NOBODY = 65_534  # inside the namespace; outside it is the zygote's user
_NAMESPACES = (
    kernel.CLONE_NEWUSER
    | kernel.CLONE_NEWNS
    | kernel.CLONE_NEWNET
    | kernel.CLONE_NEWIPC
    | kernel.CLONE_NEWUTS
    | kernel.CLONE_NEWCGROUP
)
# setrlimit(2); Python has no names for these
_RLIMIT_SIGPENDING, _RLIMIT_MSGQUEUE, _RLIMIT_NICE, _RLIMIT_RTPRIO = 11, 12, 13, 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Walls:
    """The layers that this host offers, found out at the start; every jail uses all of them.

    A test may leave one out, to see what gets through then: that is how `limits` comes to be False.
    """

    namespaces: bool
    landlock: bool
    seccomp: bool
    readable: tuple[str, ...]  # what a jailed process may open, where Landlock decides
    limits: bool = True


def lock(
    walls: Walls,
    limits: Limits,
    *,
    receives_descriptors: bool = False,
    mark: Callable[[str], None] = lambda step: None,
) -> None:
    """Locks this process in for good. Raises OSError, and then nothing foreign may run in it.

    `mark` hears of each step that is done, for the stopwatch of `overfit bench`.
    """
    if not kernel.LINUX:  # the other walls are Linux's own
        return _set_rlimits(limits)
    _prefer_as_victim()
    if walls.namespaces:  # needs the capabilities that go below
        _enter_namespaces()
        mark("namespaces")
        _mount_scratch(limits)
        mark("mounts")
    if walls.limits:
        _set_rlimits(limits)
    if walls.limits and (walls.namespaces or not walls.seccomp):
        # Elsewhere it would count every process that the user has; there the filter forbids to fork, and
        # the supervisor counts threads.
        _set_rlimit(resource.RLIMIT_NPROC, limits.threads)
    kernel.drop_capabilities()
    kernel.set_no_new_privileges()  # the condition of both Landlock and seccomp
    if walls.landlock:
        _restrict_paths(walls)  # opens the paths it names, which the filter below would also allow
    kernel.set_dumpable(False)  # after uid_map was written: it takes /proc/self from us, and core dumps too
    kernel.die_with_parent()  # after the last change of credentials, which resets it
    if walls.seccomp:
        # In a namespace of its own the first process is number 1, and tgkill may name no other.
        seccomp.install(pid=os.getpid(), receives_descriptors=receives_descriptors)
    mark("limits and filters")


def _prefer_as_victim() -> None:
    """When the machine runs out of memory, the kernel takes a jailed process before the server."""
    try:
        Path("/proc/self/oom_score_adj").write_text("1000")
    except OSError:
        return  # some containers mount /proc read-only; the watchdog in the supervisor stands before this


def _enter_namespaces() -> None:
    user, group = os.geteuid(), os.getegid()
    kernel.unshare(_NAMESPACES)
    kernel.map_user(inside=_NOBODY, user=user, group=group)
    socket.sethostname("jail")


def _mount_scratch(limits: Limits) -> None:
    """An empty tmpfs to write to, and another over /proc, which also names processes."""
    flags = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC
    size = f"mode=700,size={limits.file_bytes},nr_inodes={limits.scratch_files}"
    kernel.mount("tmpfs", SCRATCH, kind="tmpfs", flags=flags, options=size)
    kernel.mount(
        "tmpfs", "/proc", kind="tmpfs", flags=flags | kernel.MS_RDONLY, options="mode=555,nr_inodes=1"
    )
    os.chdir(SCRATCH)


def _set_rlimits(limits: Limits) -> None:
    cpu = int(limits.wall_s + time.process_time()) + 1  # one of a pool has imported torch by then
    for kind, value in (
        (resource.RLIMIT_CPU, cpu),  # soft = hard: process 1 ignores SIGXCPU, but not the SIGKILL
        (resource.RLIMIT_AS, limits.address_bytes),  # RLIMIT_DATA would miss what is mapped to be read
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_NOFILE, limits.open_files),
        (resource.RLIMIT_STACK, limits.stack_bytes),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
        (_RLIMIT_SIGPENDING, limits.pending_signals),
        (_RLIMIT_MSGQUEUE, 0),
        (_RLIMIT_NICE, 0),
        (_RLIMIT_RTPRIO, 0),
    ):
        try:
            _set_rlimit(kind, value)
        except (OSError, ValueError):
            if kernel.LINUX:  # elsewhere some have no such number, or no effect
                raise


def _set_rlimit(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (bound, bound))


def _restrict_paths(walls: Walls) -> None:
    if walls.namespaces:
        # The root holds nothing but the runtime, and the scratch is this process's own.
        landlock.restrict(readable=["/"], writable=[SCRATCH], devices=DEVICES)
    else:
        landlock.restrict(readable=walls.readable, devices=DEVICES)
