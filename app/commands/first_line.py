"""From a POST to the first line of output that a browser would read, through a real server."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

_PRINTS = "print('line', flush=True)"
_PATIENCE_S = 120
_COMMAND = (sys.executable, "-c", "from app.cli import main; main()", "serve", "--port", "0")


def post_to_first_line(rounds: int) -> list[float]:
    """The milliseconds of each of `rounds` runs on a server with nothing else to do.

    Raises:
        OSError: the server doesn't start, or its judge doesn't get ready.
    """
    with _served() as address:
        visitor = _Visitor(address)
        visitor.wait_for_judge()
        stage = visitor.call("POST", "/api/attempts", {"tier": "reported"})["stages"][0]["id"]
        visitor.first_line(stage)  # the first run of all opens what stays open
        return [visitor.first_line(stage) for _ in range(rounds)]


@contextmanager
def _served() -> Iterator[str]:
    """A server on a free port with a data folder of its own; yields host:port."""
    with tempfile.TemporaryDirectory(prefix="overfit-bench-") as data:
        process = subprocess.Popen(
            _COMMAND, env={**os.environ, "OVERFIT_DATA": data}, stdout=subprocess.PIPE, text=True
        )
        try:
            assert process.stdout is not None
            announced = re.search(r"http://\S+", process.stdout.readline())
            if announced is None:
                raise OSError("the server did not start")
            yield urlsplit(announced[0]).netloc
        finally:
            process.terminate()
            process.wait(_PATIENCE_S)


class _Visitor:
    """One browser's worth of HTTP: a kept connection and the cookie it was given."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._connection = http.client.HTTPConnection(address, timeout=_PATIENCE_S)
        self._cookie = ""

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        headers = {"Content-Type": "application/json", "Cookie": self._cookie}
        self._connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = self._connection.getresponse()
        if given := answer.getheader("Set-Cookie"):
            self._cookie = given.partition(";")[0]
        data = json.loads(answer.read())
        if answer.status >= 400:
            raise OSError(f"{path}: {data.get('error', answer.status)}")
        return data

    def wait_for_judge(self) -> None:
        give_up = time.monotonic() + _PATIENCE_S
        while self.call("GET", "/healthz")["judge"] != "ready":
            if time.monotonic() > give_up:
                raise OSError("the judge did not get ready")
            time.sleep(0.1)

    def first_line(self, stage: str) -> float:
        """Asks for a run and follows it; the milliseconds until its first line, after the run has ended."""
        started = time.perf_counter()
        run = self.call("POST", f"/api/stages/{stage}/runs", {"code": _PRINTS, "kind": "run"})
        follower = http.client.HTTPConnection(self._address, timeout=_PATIENCE_S)
        follower.request("GET", run["events"], headers={"Cookie": self._cookie})
        arrived = 0.0
        for line in follower.getresponse():
            if line.startswith(b"event: output") and not arrived:
                arrived = (time.perf_counter() - started) * 1000
        follower.close()
        if not arrived:
            raise OSError("the run ended without a line")
        return arrived
