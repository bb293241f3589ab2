"""The warm torch process that every process of every run is forked from.

It has one thread, and it is given descriptors only, never a text: what it once held, each later child could
find in its heap. It reads one byte and four descriptors a run, forks a supervisor, and forgets them.
"""

from __future__ import annotations

import importlib
import os
import selectors
import signal
import socket
import traceback
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from sandbox import kernel, landlock, seccomp
from sandbox.bodies import WORKERS
from sandbox.child import Nursery
from sandbox.grip import own_memory
from sandbox.host import Attack, describe
from sandbox.jail import Walls
from sandbox.launch import Start
from sandbox.lines import encode
from sandbox.pages import settle_heap
from sandbox.preload import warm
from sandbox.selftest import Target, attack_jail

DESCRIPTORS = 4  # of a run: the line to the app, the examiner's, the submission, the job


def main(text: str) -> int:
    """Started by the launcher with the app's control socket as 0, its status pipe as 1, its log as 2."""
    start = Start.from_json(text)
    control, status = take_channels()
    try:
        zygote = Zygote(start, control=control, status=status)
        zygote.warm_up()
    except Exception as error:
        traceback.print_exc()
        tell(status, {"failed": f"{type(error).__name__}: {error}"})
        return 1
    zygote.serve()
    os._exit(0)


def take_channels() -> tuple[socket.socket, int]:
    """The control socket and the status pipe, moved out of the way of a process's own standard streams."""
    control = socket.socket(fileno=os.dup(0))
    status = os.dup(1)
    for descriptor in (0, 1):
        os.dup2(nothing := os.open("/dev/null", os.O_RDWR), descriptor)
        os.close(nothing)
    return control, status


class Zygote:
    """Its walls and level, found out before torch is loaded, and the loop that forks supervisors."""

    def __init__(self, start: Start, *, control: socket.socket, status: int) -> None:
        self._control = control
        self._status = status
        self._over = False
        self._pid = os.getpid()
        self._own_namespace = os.open("/proc/self/ns/pid", os.O_RDONLY) if start.namespaces else None
        self._nursery = Nursery(memory_above=0, own_namespace=self._own_namespace)
        self._walls, attacks, reasons = find_walls(start, self._nursery)
        self._host = describe(self._walls, ceiling=start.ceiling, attacks=attacks, reasons=reasons)
        tell(status, {"host": self._host.to_json()})

    def warm_up(self) -> None:
        torch = warm(("sandbox.supervisor", *WORKERS))
        settle_heap()
        threads = len(list(Path("/proc/self/task").iterdir()))
        if threads != 1:  # a fork copies one thread; a lock that another held would stay locked for ever
            raise RuntimeError(f"the warm process has {threads} threads instead of one")
        self._nursery = replace(self._nursery, memory_above=own_memory())
        tell(self._status, {"ready": {"torch": torch}})

    def serve(self) -> None:
        """Forks a supervisor for each message, until the app closes its end."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._control, selectors.EVENT_READ, self._start_run)
            selector.register(wake_on_child(), selectors.EVENT_READ, reap)
            while not self._over:
                for key, _ in selector.select():
                    key.data(key.fileobj)
            signal.set_wakeup_fd(-1)  # a supervisor that ends after us wakes nobody

    def _start_run(self, control: socket.socket) -> None:
        message, descriptors, _, _ = socket.recv_fds(control, 1, DESCRIPTORS)
        self._over = not message
        try:
            if message and os.fork() == 0:
                self._become_supervisor(descriptors)
        except OSError:  # no process to be had: this run is lost, those that go on are not
            traceback.print_exc()
        for descriptor in descriptors:
            os.close(descriptor)

    def _become_supervisor(self, descriptors: list[int]) -> NoReturn:
        try:
            kernel.die_with_parent()
            if os.getppid() != self._pid:  # it died before we could ask
                os._exit(1)
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            kept = [0, 1, 2, *descriptors, *([] if self._own_namespace is None else [self._own_namespace])]
            kernel.close_all_but(kept)
            supervise = importlib.import_module("sandbox.supervisor").supervise  # loaded by warm_up
            supervise(descriptors, walls=self._walls, level=self._host.level, nursery=self._nursery)
        except BaseException:
            traceback.print_exc()
            os._exit(1)  # the app hears its line close without a farewell: the run is lost
        os._exit(0)


def wake_on_child() -> socket.socket:
    """A socket that turns readable whenever a child ends, ours or one that a dead supervisor left to us."""
    reading, writing = socket.socketpair()
    reading.setblocking(False)
    writing.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(writing.detach(), warn_on_full_buffer=False)
    return reading


def reap(wake: socket.socket) -> None:
    wake.recv(4096)
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass


def find_walls(start: Start, nursery: Nursery) -> tuple[Walls, tuple[Attack, ...], dict[str, str]]:
    """The strongest walls that a jail can be locked with, what attacks achieved against them, what failed."""
    walls = Walls(
        namespaces=start.namespaces,
        landlock=start.ceiling != "rlimits" and "landlock" not in start.without and landlock.abi() > 0,
        seccomp="seccomp" not in start.without and seccomp.supported(),
        readable=(*start.runtime.visible, start.runtime.package),
        limits="limits" not in start.without,
    )
    target = Target(secret=start.secret, library=start.runtime.import_path[0], victim=os.getpid())
    reasons = dict(start.reasons)
    weaker = {
        "namespaces": replace(walls, namespaces=False),
        "landlock": replace(walls, namespaces=False, landlock=False),
        "seccomp": replace(walls, namespaces=False, landlock=False, seccomp=False),
    }
    for layer, without in weaker.items():
        try:
            return walls, attack_jail(walls, target, nursery=nursery), reasons
        except OSError as error:
            walls = without
            reasons.setdefault(layer, str(error))
    return walls, attack_jail(walls, target, nursery=nursery), reasons


def tell(status: int, message: dict[str, Any]) -> None:
    os.write(status, encode(message))
