"""The whole site as docker-compose.yml starts it, with a container's walls and no container engine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.sandbox.containers import ENTER, READ_ONLY_ROOT, docker_default, number_of

pytestmark = [
    pytest.mark.jail,
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.skipif(os.getuid() != 0, reason="only root can make the root that a container would have"),
    pytest.mark.skipif(number_of("unshare") is None, reason="no kernel headers and no libseccomp here"),
]

CHECKOUT = Path(__file__).parents[2]
# The volume: the scratch of the read-only root, made larger. The checkout is visible, as in the image.
_WITH_VOLUME = READ_ONLY_ROOT.replace("*whole)", f"*whole, {str(CHECKOUT)!r})").replace(
    "os.setgroups([])",
    'kernel.mount("tmpfs", root.SCRATCH, kind="tmpfs", options="mode=1777,size=64m")\nos.setgroups([])',
)
_SERVE = "\nfrom app.cli import main\nmain()\n"


@contextmanager
def served() -> Iterator[str]:
    """A server that listens on every address, as in a container; yields its own on loopback."""
    code = _WITH_VOLUME + ENTER.format(program=docker_default().hex()) + _SERVE
    process = subprocess.Popen(
        [sys.executable, "-c", code, "serve", "--host", "0.0.0.0", "--port", "0"],
        cwd=CHECKOUT,
        env={**os.environ, "OVERFIT_DATA": "/scratch/data", "OVERFIT_HOSTS": "localhost"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        announced = re.search(r"http://\S+", process.stdout.readline())
        assert announced is not None
        yield f"http://127.0.0.1:{urlsplit(announced[0]).port}"
    finally:
        process.terminate()
        process.communicate(timeout=60)
    assert process.returncode == 0


def test_it_serves_and_judges_at_level_landlock() -> None:
    with served() as address, httpx2.Client(base_url=address, timeout=120) as client:
        attempt = client.post("/api/attempts", json={"seed": 4}).json()
        stage = attempt["stages"][0]
        key = client.post(f"/api/attempts/{attempt['id']}/reveal").json()
        asked = {"code": key["shape"], "kind": "check"}
        run = client.post(f"/api/stages/{stage['id']}/runs", json=asked).json()
        client.get(run["events"])
        done = client.get(run["url"]).json()
        assert (done["state"], done["outcome"]) == ("done", "passed"), done["message"]
        assert done["verdict"]["level"] == "landlock"
        health = client.get("/healthz").json()
        assert (health["judge"], health["level"]) == ("ready", "landlock")
