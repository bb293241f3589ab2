"""Whoever dies, nothing is left behind: the app, the launcher, the zygote; and a machine without memory."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sandbox import Event, Limits
from sandbox.zygote import Zygote
from tests.conftest import _descendants
from tests.sandbox.test_sandbox import ENDLESS, _zygote, eventually

if TYPE_CHECKING:
    from tests.conftest import Jailed

pytestmark = [pytest.mark.jail, pytest.mark.timeout(240)]

CHECKOUT = Path(__file__).parents[2]
# An app with an endless run going on; it says so and then has nothing more to do.
_APP = f"""
import asyncio
from sandbox import Job, Limits, Sandbox

async def main():
    sandbox = Sandbox()
    await sandbox.warm()
    async def emit(event):
        if event.kind == "output":
            print("running", flush=True)
    await sandbox.examine(Job(kind="run", source={ENDLESS!r}, text="a b", problem="gpt", probes="", shape="",
                              limits=Limits(wall_s=120, examine_s=240)), emit=emit)

asyncio.run(main())
"""


# The app


@contextmanager
def an_app() -> Iterator[tuple[subprocess.Popen[str], set[int]]]:
    """An app in the middle of a run, and all processes of its sandbox."""
    command = [sys.executable, "-c", _APP]
    process = subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "running\n"
        below = _descendants(process.pid) - {process.pid}
        assert len(below) == 5  # launcher, zygote, supervisor, examiner, the submission
        yield process, below
    finally:
        process.kill()
        process.communicate()


def test_an_app_that_is_killed_takes_every_process_with_it() -> None:
    with an_app() as (app, below):
        app.kill()
        app.wait(30)
        assert eventually(lambda: not any(_alive(pid) for pid in below))


def test_a_launcher_that_dies_takes_every_process_with_it() -> None:
    with an_app() as (app, below):
        launcher = int(Path(f"/proc/{app.pid}/task/{app.pid}/children").read_text().split()[0])
        os.kill(launcher, signal.SIGKILL)
        assert eventually(lambda: not any(_alive(pid) for pid in below))
        assert app.wait(60) == 0  # its run is lost, and it goes on


def _alive(pid: int) -> bool:
    with suppress(OSError):
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    return False


# The channels


def test_a_closed_control_socket_ends_the_zygote_and_the_next_run_has_another(jailed: Jailed) -> None:
    jailed.run("")
    old = jailed.processes
    keeper = jailed.sandbox._keeper
    assert keeper is not None
    keeper.control.close()
    assert eventually(lambda: not any(_alive(pid) for pid in old))
    assert jailed.run("print('again')").text() == "again\n"


def test_a_submission_that_closes_all_it_has_is_judged_all_the_same(jailed: Jailed) -> None:
    ran = jailed.run(
        "import os\nos.closerange(0, 64)\nfor fd in range(64):\n  try: os.close(fd)\n  except OSError: pass\n"
    )
    assert ran.verdict["outcome"] == "failed"
    assert eventually(lambda: len(jailed.processes) == 2)


# A machine out of memory


def test_the_kernel_would_take_a_submission_before_the_server(jailed: Jailed) -> None:
    future, _ = jailed.start(ENDLESS, limits=Limits(wall_s=30))
    zygote = _zygote(jailed)
    assert eventually(lambda: sorted(_scores(jailed))[-2:] == [1000, 1000])
    assert _score(zygote) == _score(os.getpid())
    future.cancel()
    assert eventually(lambda: len(jailed.processes) == 2)


def _scores(jailed: Jailed) -> list[int]:
    return [_score(pid) for pid in jailed.processes]


def _score(pid: int) -> int:
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/oom_score_adj").read_text())
    return 0


def test_a_submission_that_the_kernel_kills_is_told_so_and_nobody_else_is_hurt(jailed: Jailed) -> None:
    jailed.run("")
    assert eventually(lambda: len(jailed.processes) == 2)
    old = jailed.processes

    def kill(event: Event) -> None:
        if event.kind == "output":
            os.kill(_submission(jailed), signal.SIGKILL)

    ran = jailed.attack(ENDLESS, on_event=kill, limits=Limits(wall_s=30))
    assert ran.failure == "killed"
    assert "out of memory" in ran.verdict["failure"]["message"]
    assert eventually(lambda: jailed.processes == old)


def _submission(jailed: Jailed) -> int:
    """The process that loops: of the locked ones, the one that has clearly used the processor most."""
    while True:
        locked = (pid for pid in jailed.processes if _score(pid) == 1000)
        used = sorted((_ticks(pid), pid) for pid in locked)
        if len(used) > 1 and used[-1][0] - used[-2][0] >= 20:  # a fifth of a second
            return used[-1][1]
        time.sleep(0.02)


def _ticks(pid: int) -> int:
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/stat").read_text().split()[13])
    return 0


def test_a_zygote_that_gets_no_process_loses_the_run_and_not_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_process() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    app, control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    line, line_end = socket.socketpair()
    socket.send_fds(app, [b"."], [line_end.fileno()])
    line_end.close()
    zygote = object.__new__(Zygote)
    zygote._over = False
    monkeypatch.setattr(os, "fork", no_process)
    zygote._start_run(control)
    assert not zygote._over
    assert line.recv(1) == b""  # the app hears its line close: the run is lost
    for end in (app, control, line):
        end.close()


# A long life


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_a_thousand_runs_leave_no_process_descriptor_or_memory_behind(jailed: Jailed) -> None:
    for _ in range(100):
        jailed.run("", kind="check")
    assert eventually(lambda: len(jailed.processes) == 2)
    before = [_holds(pid) for pid in (os.getpid(), *sorted(jailed.processes))]
    for number in range(1000):
        jailed.run("print(1)" if number % 2 else "x = [0] * 1000", kind="run" if number % 2 else "check")
    assert eventually(lambda: len(jailed.processes) == 2)
    after = [_holds(pid) for pid in (os.getpid(), *sorted(jailed.processes))]
    for (descriptors, kilobytes), (more, larger) in zip(before, after, strict=True):
        assert more == descriptors
        assert larger - kilobytes < 8 << 10, f"{larger - kilobytes} KiB more"


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_fifty_dead_zygotes_leave_nothing_behind(jailed: Jailed) -> None:
    jailed.run("")
    descriptors = _holds(os.getpid())[0]
    for _ in range(50):
        old = jailed.processes
        os.kill(_zygote(jailed), signal.SIGKILL)
        assert eventually(lambda old=old: not any(_alive(pid) for pid in old))  # type: ignore[misc]
        assert jailed.run("print(1)").text() == "1\n"
    assert _holds(os.getpid())[0] == descriptors


def _holds(pid: int) -> tuple[int, int]:
    """Open descriptors, and anonymous memory in KiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return len(list(Path(f"/proc/{pid}/fd").iterdir())), int(status.split("RssAnon:")[1].split()[0])
