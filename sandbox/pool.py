"""The zygote's stand-in where torch can't be forked: on macOS, whose frameworks break in a forked child.

It keeps a stable ready: a supervisor-to-be with a few processes that have imported torch, each good for one
use. A run takes the stable, and the next one starts to warm. Nothing here imports torch, so this process and
the supervisors may fork. The walls are limits alone: level rlimits, told as what it is.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NoReturn

from sandbox import kernel
from sandbox.bodies import Work
from sandbox.child import Child, Nursery
from sandbox.grip import LineGrip
from sandbox.host import Host, describe
from sandbox.launch import Start, command
from sandbox.limits import Limits
from sandbox.lines import encode
from sandbox.supervisor import supervise
from sandbox.zygote import DESCRIPTORS, find_walls, reap, take_channels, tell, wake_on_child

_SPARES = 3  # of a run: the script, the examiner, one that answers calls; for more it waits
_WARM_S = 120.0
_WORD_BYTES = 4096
NO_FORK = "torch can't be forked here: a run takes processes that are warm already, and waits for more"


def main(text: str) -> int:
    """Started by the launcher with the app's control socket as 0, its status pipe as 1, its log as 2."""
    start = Start.from_json(text)
    control, status = take_channels()
    try:
        pool = Pool(start, control=control)
        tell(status, {"host": pool.host.to_json()})
        tell(status, {"ready": {"torch": pool.warm_up()}})
    except Exception as error:
        traceback.print_exc()
        tell(status, {"failed": f"{type(error).__name__}: {error}"})
        return 1
    pool.serve()
    os._exit(0)


class Pool:
    """One stable that is ready or warming, and the loop that gives it to the next run."""

    def __init__(self, start: Start, *, control: socket.socket) -> None:
        self._start = start
        self._control = control
        self._over = False
        self._walls, attacks, reasons = find_walls(start, Nursery(memory_above=0))
        reasons["fork"] = NO_FORK
        self.host: Host = describe(self._walls, ceiling="rlimits", attacks=attacks, reasons=reasons)
        self._stable = self._prepare()

    def warm_up(self) -> str:
        """Waits for the first spare; torch's version, by its own word."""
        self._stable.settimeout(_WARM_S)
        version = self._stable.recv(_WORD_BYTES).decode()
        if not version:
            raise OSError("the processes of the pool ended before they were warm")
        return version

    def serve(self) -> None:
        """Hands each run to the stable and prepares the next, until the app closes its end."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._control, selectors.EVENT_READ, self._start_run)
            selector.register(wake_on_child(), selectors.EVENT_READ, reap)
            while not self._over:
                for key, _ in selector.select():
                    key.data(key.fileobj)

    def _start_run(self, control: socket.socket) -> None:
        message, descriptors, _, _ = socket.recv_fds(control, 1, DESCRIPTORS)
        self._over = not message
        try:
            if message:
                socket.send_fds(self._stable, [message], descriptors)
                self._stable.close()
                self._stable = self._prepare()
        except OSError:  # this stable was dead, and the run with it: the next one is asked for afresh
            traceback.print_exc()
            self._stable = self._prepare()
        for descriptor in descriptors:
            os.close(descriptor)

    def _prepare(self) -> socket.socket:
        """Our end of the line to a new stable."""
        ours, theirs = socket.socketpair()
        if os.fork() == 0:
            self._become_stable(theirs)
        theirs.close()
        return ours

    def _become_stable(self, line: socket.socket) -> NoReturn:
        try:
            if kernel.LINUX:
                kernel.die_with_parent()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            kernel.close_all_but((0, 1, 2, line.fileno()))
            stable = Stable(self._start)
            word = stable.wait_warm().encode()
            with suppress(ConnectionError):  # a run that came while it warmed is in the line already
                line.sendall(word)
            message, descriptors, _, _ = socket.recv_fds(line, 1, DESCRIPTORS)
            line.close()
            if message:  # else the pool has ended, and the spares end with us
                supervise(descriptors, walls=self._walls, level=self.host.level, nursery=stable)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)


@dataclass(slots=True)
class _Spare:
    """A process that imports torch or has, and waits for its order at the other end of `line`."""

    pid: int
    line: socket.socket
    torch: str = ""

    def wait_warm(self) -> str:
        """Raises OSError when it ends before that."""
        if not self.torch:
            self.line.settimeout(_WARM_S)
            word = self.line.recv(_WORD_BYTES)
            if not word:
                raise OSError("a process of the pool ended before it was warm")
            self.torch = json.loads(word)["warm"]
        return self.torch


@dataclass(slots=True)
class Stable:
    """The warm processes of one run, for its supervisor: a cradle that forks nothing."""

    start: Start
    _spares: list[_Spare] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._spares = [self._spawn() for _ in range(_SPARES)]

    def wait_warm(self) -> str:
        return self._spares[0].wait_warm()

    def fork(self, body: Work, *, files: Sequence[int], limits: Limits) -> Child:
        """Gives a spare its order; waits for one that is still warming."""
        spare = self._spares.pop(0)
        if not self._spares:
            self._spares.append(self._spawn())
        spare.wait_warm()
        grip = LineGrip(spare.pid, spare.line)
        memory, _ = grip.measure()
        socket.send_fds(spare.line, [encode(body.to_json())], files)
        return Child(pid=spare.pid, grip=grip, limits=limits, memory_above=memory)

    def _spawn(self) -> _Spare:
        ours, theirs = socket.socketpair()
        arguments = command(self.start, module="spare")
        actions = [(os.POSIX_SPAWN_DUP2, theirs.fileno(), 0)]  # its other descriptors close on exec
        pid = os.posix_spawn(arguments[0], arguments, dict(os.environ), file_actions=actions)
        theirs.close()
        return _Spare(pid, ours)
