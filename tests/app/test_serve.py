"""`serve` as people meet it: a line when it listens, a line when it can't, nothing lost by kill -9."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from app.errors import SetupError
from app.serve import listening, locked, refuse_open_doors, serve
from app.settings import CHECKOUT, Settings

Json = dict[str, Any]
ENDLESS = "import time\nprint('begun', flush=True)\nwhile True:\n    time.sleep(0.01)\n"
COMMAND = [str(Path(sys.executable).with_name("overfit")), "serve"]


@contextmanager
def server(data: Path, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A real server on a free port; its process, and where it says that it listens."""
    chosen = {"OVERFIT_DATA": str(data), "OVERFIT_PORT": "0", "OVERFIT_ASSETS": "cdn", **environment}
    process = subprocess.Popen(
        COMMAND,
        cwd=CHECKOUT,
        env={**os.environ, **chosen},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("Overfit listens on http://127.0.0.1:"), line
        yield process, line.split()[3]
    finally:
        process.kill()
        process.communicate()


def follow(client: httpx2.Client, run: Json, *, until: str) -> str:
    """A run's stream, read until some text has come or it ends."""
    text = ""
    with client.stream("GET", run["events"]) as stream:
        for line in stream.iter_lines():
            text += line + "\n"
            if until in text:
                break
    return text


@pytest.mark.jail
@pytest.mark.slow
@pytest.mark.timeout(180)
def test_kill_9_in_the_middle_loses_nothing_and_the_next_server_goes_on(tmp_path: Path) -> None:
    with server(tmp_path) as (process, url), httpx2.Client(base_url=url, timeout=90) as client:
        stage = client.post("/api/attempts", json={"problem": "gpt"}).json()["stages"][0]
        path = f"/api/stages/{stage['id']}"
        edit = {"at_ms": 1, "kind": "ops", "payload": {"ops": [[0, 0, "# typed\n"]], "line": 1}}
        assert client.post(f"{path}/edits", json={"base": 0, "edits": [edit]}).json() == {"seq": 1}
        going, queued = [
            client.post(f"{path}/runs", json={"code": ENDLESS, "kind": "run"}).json() for _ in range(2)
        ]
        assert "begun" in follow(client, going, until="begun")
        cookies = client.cookies
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=10)

    with (
        server(tmp_path) as (process, url),
        httpx2.Client(base_url=url, timeout=90, cookies=cookies) as client,
    ):
        stopped = client.get(going["url"]).json()
        assert stopped["state"] == "interrupted"
        assert "begun" in client.get(going["events"]).text
        assert client.get(f"{path}/edits").json()["draft"] == "# typed\n" + stage["starter"]
        assert "begun" in follow(client, queued, until="begun")

        ended = threading.Thread(target=follow, args=(client, queued), kwargs={"until": "never"})
        ended.start()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
        ended.join(timeout=10)
        assert not ended.is_alive()


def test_a_second_server_on_the_same_data_says_where_the_first_listens(tmp_path: Path) -> None:
    with server(tmp_path, OVERFIT_JUDGE="false") as (_, url):
        second = subprocess.run(
            COMMAND,
            cwd=CHECKOUT,
            env={**os.environ, "OVERFIT_DATA": str(tmp_path), "OVERFIT_PORT": "0"},
            capture_output=True,
            text=True,
        )
    assert second.returncode == 1
    assert url in second.stderr
    assert second.stderr.count("\n") == 1


def test_the_lock_goes_with_its_server(tmp_path: Path) -> None:
    for _ in range(2):
        with locked(tmp_path) as tell:
            tell("http://127.0.0.1:1")
    assert (tmp_path / "server.lock").read_text() == "http://127.0.0.1:1\n"


def test_a_port_that_is_taken_is_one_clear_line(
    tmp_path: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert serve(settings.model_copy(update={"port": port})) == 1
    line = capsys.readouterr().err
    assert (
        line
        == f"Port {port} of 127.0.0.1 is in use. Stop what listens there, or choose another with --port.\n"
    )


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 70_000), ("203.0.113.7", 0)])
def test_an_address_that_cannot_be_had_is_said(host: str, port: int) -> None:
    with pytest.raises(SetupError), listening(host, port):
        pass


def test_answers_are_sent_without_waiting_for_acknowledgements() -> None:
    with listening("127.0.0.1", 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP  # by which asyncio knows what to set TCP_NODELAY on


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "site.example"])
def test_an_address_that_others_reach_is_refused_without_host_names(settings: Settings, host: str) -> None:
    with pytest.raises(SetupError) as caught:
        refuse_open_doors(settings.model_copy(update={"host": host}))
    assert "OVERFIT_HOSTS" in caught.value.hint
    refuse_open_doors(settings.model_copy(update={"host": host, "hosts": "site.example"}))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_loopback_needs_no_host_names(settings: Settings, host: str) -> None:
    refuse_open_doors(settings.model_copy(update={"host": host}))


def test_a_data_folder_that_cannot_be_made_is_said(
    tmp_path: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert serve(settings.model_copy(update={"data": tmp_path / "file" / "data"})) == 1
    assert "OVERFIT_DATA" in capsys.readouterr().err


def test_a_missing_pack_is_said(
    tmp_path: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert serve(settings.model_copy(update={"problems": tmp_path / "none", "port": 0})) == 1
    assert "OVERFIT_PROBLEMS" in capsys.readouterr().err
