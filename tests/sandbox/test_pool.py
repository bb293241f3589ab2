"""Single-use processes in place of forks: what macOS gets, made to run here, and told as what it is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import Limits, launch
from sandbox.bodies import Bodies, Work
from sandbox.grip import memory_by_ps, memory_of
from sandbox.jail import Walls
from tests.conftest import Jailed
from tests.sandbox.test_life import _alive
from tests.sandbox.test_sandbox import ENDLESS, SHAPE, eventually

pytestmark = [pytest.mark.jail, pytest.mark.slow, pytest.mark.timeout(300)]

ROOMY = Limits(wall_s=60, examine_s=120)


@pytest.fixture(scope="module")
def pooled() -> Iterator[Jailed]:
    pooled = Jailed(slots=1, pooled=True)
    pooled.wait(pooled.sandbox.warm())
    yield pooled
    pooled.close()


# What macOS lacks is taken away in every process of the sandbox before it begins.
_AS_IF_MACOS = """
import os, sandbox.kernel, sandbox.launch
sandbox.kernel.LINUX = False
sandbox.launch._BOOT = os.environ["BOOT"]
os.geteuid = lambda: 501
for name in ("pidfd_open", "memfd_create", "sched_getaffinity", "waitid", "setresuid"):
    delattr(os, name)
"""


def test_without_anything_of_linux_a_right_program_runs_and_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    begin = "from sandbox.{module}"
    boot = launch._BOOT.replace(begin, f"import os; exec(os.environ['PATCH']); {begin}")
    monkeypatch.setattr(launch, "_BOOT", boot)
    monkeypatch.setattr(launch, "ENVIRONMENT", {**launch.ENVIRONMENT, "BOOT": boot, "PATCH": _AS_IF_MACOS})
    monkeypatch.delattr(os, "memfd_create")
    mac = Jailed(slots=1, pooled=True)
    try:
        mac.wait(mac.sandbox.warm())
        assert mac.sandbox.level == "rlimits"
        missing = {layer.name: layer for layer in mac.sandbox.host.missing()}
        assert list(missing) == ["namespaces", "landlock", "seccomp", "processes"]
        assert "can't be forked" in missing["processes"].detail
        assert all("docker compose up" in layer.remedy for layer in missing.values())
        ran = mac.run("print('one')\n" + SHAPE, limits=ROOMY)
        assert ran.text().startswith("one\n")
        assert ran.verdict["outcome"] == "passed"
    finally:
        mac.close()


@pytest.mark.soak
def test_a_right_program_runs_and_passes(pooled: Jailed) -> None:
    ran = pooled.run("print('one')\n" + SHAPE, limits=ROOMY)
    assert ran.text().startswith("one\n")
    assert ran.verdict["outcome"] == "passed"
    assert ran.verdict["level"] == "rlimits"
    assert pooled.attack("print('two')", limits=ROOMY).text() == "two\n"  # came while the next ones warmed


@pytest.mark.soak
def test_a_pool_that_dies_takes_its_processes_with_it_and_is_followed_by_another(pooled: Jailed) -> None:
    old = pooled.processes
    keeper = pooled.sandbox._keeper
    assert keeper is not None
    os.kill(keeper.process.pid, signal.SIGKILL)
    assert eventually(lambda: not any(_alive(pid) for pid in old))
    leave = "import torch, os\ntorch.left = 1\nprint(os.getpid())"
    first = pooled.attack(leave, limits=ROOMY).text()
    look = "import torch, os\nprint(hasattr(torch, 'left'), os.getpid())\nwhile True: pass"
    ran = pooled.attack(look, limits=Limits(wall_s=2, examine_s=120))
    left, pid = ran.text().split()
    assert (left, ran.failure) == ("False", "timeout")  # each process is used once
    assert pid != first.strip()


@pytest.mark.soak
@pytest.mark.parametrize(
    ("body", "failure"),
    [
        ("while True: print('x' * 1000)", "output"),
        ("import os, time\nos.write(127, b'done')\ntime.sleep(50)", "killed"),
        ("held = []\nwhile True: held.append(bytearray(1 << 24))", "memory"),
    ],
    ids=["output", "a word to the supervisor", "memory"],
)
def test_limits_hold(pooled: Jailed, body: str, failure: str) -> None:
    assert pooled.attack(body, limits=ROOMY).failure == failure


@pytest.mark.soak
def test_who_hangs_up_on_the_supervisor_is_held_to_the_limits_all_the_same(pooled: Jailed) -> None:
    body = "import os\nos.closerange(100, 200)\nwhile True: pass"
    assert pooled.attack(body, limits=Limits(wall_s=2, examine_s=120)).failure == "timeout"


@pytest.mark.soak
def test_a_cancelled_run_leaves_no_process_of_its_own(pooled: Jailed) -> None:
    future, ran = pooled.start("import os\nprint(os.getpid())\n" + ENDLESS, limits=ROOMY)
    assert eventually(lambda: "started" in ran.text())
    future.cancel()
    assert eventually(lambda: not _alive(int(ran.text().split()[0])))


def test_ps_tells_the_memory_where_there_is_no_proc() -> None:
    command = [sys.executable, "-c", "held = bytearray(64 << 20); print(flush=True); input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        if Path("/bin/ps").exists():
            assert memory_by_ps(process.pid) > 64 << 20
        assert memory_of(process.pid) > 64 << 20
        process.kill()
    time.sleep(0.01)
    assert memory_of(process.pid) == 0


def test_work_travels_as_json() -> None:
    walls = Walls(namespaces=False, landlock=False, seccomp=True, readable=("/lib",))
    bodies = Bodies(walls=walls, level="rlimits", limits=Limits(wall_s=3), filename="gpt.py", seed=5)
    work = Work(bodies=bodies, name="serve_calls", options={"fill_uninitialized": True})
    assert Work.from_json(work.to_json()) == work
