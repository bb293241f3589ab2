"""The same sandbox as root and as anybody, from a private checkout, and with layers of the jail missing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sandbox import Limits
from tests.sandbox.escapes.jails import AS_USER

if TYPE_CHECKING:
    from tests.conftest import Jailed

pytestmark = [pytest.mark.jail, pytest.mark.timeout(240)]

CHECKOUT = Path(__file__).parents[2]
as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")

# Starts a sandbox, runs one program, tells what it saw from inside and outside.
_RUN = """
import asyncio, json, sys
from pathlib import Path
from sandbox import Job, Limits, Sandbox

ATTACK = '''
import os
print(os.getpid(), os.getuid())
for path in %r:
    try:
        print("read", open(path).read(1))
    except OSError:
        print("denied")
try:
    open("mine", "w").write("x")
    print("wrote")
except OSError:
    print("denied")
'''

async def main(level, paths):
    sandbox = Sandbox(start_level=level or None)
    await sandbox.warm()
    shown = []
    async def emit(event):
        if event.kind == "output":
            shown.append(event.data["text"])
    job = Job(kind="run", source=ATTACK % (paths,), text="a sentence", problem="gpt", probes="", shape="",
              limits=Limits(wall_s=10))
    outcome = await sandbox.examine(job, emit=emit)
    launcher = sandbox._keeper.process.pid
    children = Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split()
    for pid in (*children, launcher):  # a child that served may be gone by now
        try:
            status = Path(f"/proc/{pid}/status").read_text()
            break
        except FileNotFoundError:
            continue
    print(json.dumps({
        "level": sandbox.level,
        "missing": [layer.name for layer in sandbox.host.missing()],
        "failed": [attack.name for attack in sandbox.host.failed()],
        "shown": "".join(shown).split("\\n"),
        "judged": outcome.verdict is not None,
        "uid": int(status.split("Uid:")[1].split()[0]),
    }))
    await sandbox.close()

asyncio.run(main(sys.argv[1], sys.argv[2:]))
"""


def _run(
    code: str,
    *,
    level: str = "",
    paths: tuple[str, ...] = (),
    cwd: Path = CHECKOUT,
    started_by: tuple[str, ...] = (),
) -> dict[str, Any]:
    arguments = [*started_by, sys.executable, "-c", code, level, *paths]
    environment = {**os.environ, "HOME": "/nonexistent"}
    done = subprocess.run(
        arguments, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=200
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_root_gives_root_up(jailed: Jailed) -> None:
    zygote = max(jailed.processes)
    user = int(Path(f"/proc/{zygote}/status").read_text().split("Uid:")[1].split()[0])
    assert user != 0


def test_seen_from_outside_every_process_of_a_run_is_locked(jailed: Jailed) -> None:
    future, _ = jailed.start("while True: pass", limits=Limits(wall_s=30))
    seen = _locked_processes(jailed)
    future.cancel()
    assert len(seen) == 2  # the submission and its examiner
    for status in seen:
        assert {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {"0" * 16}
        assert (status["NoNewPrivs"], status["Threads"]) == ("1", "1")
        assert jailed.sandbox.level != "namespaces" or status["NSpid"].split()[-1] == "1"
    if jailed.sandbox.level == "namespaces":
        own = _status(os.getpid())
        for kind in ("user", "mnt", "net", "pid", "ipc", "uts", "cgroup"):
            assert len({own[kind], *(status[kind] for status in seen)}) == 3, kind


def _locked_processes(jailed: Jailed) -> list[dict[str, str]]:
    """What the kernel says of the run's processes once both are behind the last of their walls."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        statuses = [_status(pid) for pid in jailed.processes]
        locked = [status for status in statuses if status.get("Seccomp") == "2"]
        if len(locked) == 2:
            return locked
        time.sleep(0.02)
    return []


def _status(pid: int) -> dict[str, str]:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        namespaces = {path.name: str(path.readlink()) for path in Path(f"/proc/{pid}/ns").iterdir()}
    except OSError:  # gone since it was listed
        return {}
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)} | namespaces


@as_root
def test_an_ordinary_user_gets_the_same_level(jailed: Jailed) -> None:
    found = _run(_RUN, started_by=AS_USER, paths=("/etc/passwd",))
    assert (found["level"], found["judged"]) == (jailed.sandbox.level, True)
    assert found["uid"] == 65534
    assert found["shown"][1:3] == ["denied", "wrote"]


@as_root
def test_a_private_checkout_of_root_still_works(jailed: Jailed, tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    shutil.copytree(CHECKOUT / "sandbox", checkout / "sandbox", ignore=shutil.ignore_patterns("__pycache__"))
    for path in (checkout, *checkout.rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)
    code = f"import sys; sys.path.insert(0, {str(checkout)!r})\n" + _RUN
    found = _run(code, paths=(str(checkout / "sandbox" / "job.py"), "/etc/passwd"), cwd=tmp_path)
    assert (found["level"], found["judged"]) == (jailed.sandbox.level, True)


@as_root
def test_root_is_refused_where_nobody_else_may_read_what_runs_need(tmp_path: Path) -> None:
    private = tmp_path / "numpy"
    private.mkdir(mode=0o700)
    code = f"""
import asyncio, dataclasses
from sandbox import Unavailable, runtime
from sandbox.keeper import Keeper
async def main():
    found = runtime.find_runtime()
    found = dataclasses.replace(found, visible=(*found.visible, {str(private)!r}))
    keeper = await Keeper.start(found, ceiling="namespaces")
    try:
        await keeper.host
    except Unavailable as error:
        print(error)
    await keeper.close()
asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith(f"Type: chmod -R go+rX {private}")


@as_root
def test_without_namespaces_an_ordinary_user_still_reads_and_writes_nothing() -> None:
    found = _run(_RUN, started_by=AS_USER, level="landlock", paths=("/proc/self/status", "/proc/1/status"))
    assert (found["level"], found["judged"]) == ("landlock", True)
    assert "namespaces" in found["missing"]
    assert found["shown"][1:4] == ["denied"] * 3


@as_root
def test_with_limits_alone_runs_are_served_and_the_self_test_says_what_gets_through() -> None:
    found = _run(_RUN, started_by=AS_USER, level="rlimits")
    assert (found["level"], found["judged"]) == ("rlimits", True)
    assert "read a file of the host" in found["failed"]
    assert "start a process" not in found["failed"]
