"""The judge inside a container's walls: Docker's default profile gives level landlock, ours namespaces.

There is no Docker here. Its filter, its user without a name or capabilities, its read-only root and its one
tmpfs are, and the judge can't tell the difference.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.containers import (
    ENTER,
    READ_ONLY_ROOT,
    docker_default,
    from_profile,
    number_of,
)

pytestmark = [
    pytest.mark.jail,
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.skipif(os.getuid() != 0, reason="only root can make the root that a container would have"),
    pytest.mark.skipif(number_of("unshare") is None, reason="no kernel headers and no libseccomp here"),
]

CHECKOUT = Path(__file__).parents[2]
PROFILE = CHECKOUT / "deploy" / "seccomp-namespaces.json"
GPT = CHECKOUT / "problems" / "gpt"

# Judges the clean program and one that tries what a container's neighbours would mind.
_JUDGE = """
import asyncio, json, sys
from sandbox import Job, Limits, Sandbox
given = json.loads(sys.argv[1])

async def main():
    sandbox = Sandbox()
    await sandbox.warm()
    shown = []
    async def emit(event):
        if event.kind == "output":
            shown.append(event.data["text"])
    def job(source, **more):
        return Job(kind="run", source=source, text="a sentence of some words", problem="gpt",
                   shape=given["shape"], limits=Limits(wall_s=30), **more)
    trained = await sandbox.examine(job(given["shape"], probes=given["probes"]), emit=emit)
    shown.clear()
    await sandbox.examine(job(given["attack"], probes=""), emit=emit)
    print(json.dumps({
        "host": sandbox.host.to_json(),
        "outcome": (trained.verdict or {}).get("outcome"), "fault": trained.fault,
        "level": (trained.verdict or {}).get("level"),
        "shown": "".join(shown).split(),
    }))
    await sandbox.close()

asyncio.run(main())
"""
_ATTACK = """
import os, socket
for attempt in (
    lambda: open("/etc/passwd"), lambda: os.listdir("/proc"), lambda: os.fork(),
    lambda: socket.socket(), lambda: os.kill(os.getppid() or 1, 0),
    lambda: open("/scratch/left", "w") and open("/proc/version"),
):
    try:
        attempt()
        print("open")
    except OSError:
        print("held")
"""


def contained(program: bytes) -> dict[str, Any]:
    """What the judge says of its host and its runs behind a container's filter."""
    given = {
        "shape": (GPT / "shapes" / "gpt.py").read_text(),
        "probes": (GPT / "probes.py").read_text(),
        "attack": _ATTACK,
    }
    code = READ_ONLY_ROOT + ENTER.format(program=program.hex()) + _JUDGE
    arguments = [sys.executable, "-c", code, json.dumps(given)]
    done = subprocess.run(arguments, cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_under_dockers_default_profile_landlock_holds_and_trains() -> None:
    found = contained(docker_default())
    assert found["fault"] is None
    assert (found["host"]["level"], found["level"], found["outcome"]) == ("landlock", "landlock", "passed")
    missing = [layer for layer in found["host"]["layers"] if not layer["stands"]]
    assert [layer["name"] for layer in missing] == ["namespaces"]
    assert "not permitted" in missing[0]["detail"]
    got_through = [attack for attack in found["host"]["attacks"] if not attack["held"]]
    assert {attack["level"] for attack in got_through} == {"namespaces"}  # names, and nothing more
    assert found["shown"] == ["held"] * 6


def test_under_our_profile_it_is_namespaces() -> None:
    found = contained(from_profile(PROFILE))
    assert found["fault"] is None
    assert (found["host"]["level"], found["level"], found["outcome"]) == (
        "namespaces",
        "namespaces",
        "passed",
    )
    assert found["shown"][:1] + found["shown"][2:5] == ["held"] * 4
