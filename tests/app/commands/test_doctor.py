"""`overfit doctor` says each layer, and what to do about one that is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.commands.doctor import FINE, NONE, doctor, host_lines
from app.settings import Settings
from sandbox import host
from sandbox.host import Attack, Host, Layer
from sandbox.jail import Walls
from sandbox.pool import NO_FORK

WEAK_HOST = Host(
    level="rlimits",
    layers=(
        Layer(
            name="landlock", stands=False, detail="this kernel has none", remedy="Use Linux 5.13 or newer."
        ),
        Layer(name="seccomp", stands=True, detail="an allow-list for x86_64"),
    ),
    attacks=(
        Attack(name="read a file of the host", level="landlock", held=False),
        Attack(name="start a process", level="landlock", held=True),
    ),
    kernel="5.4.0",
    machine="x86_64",
    python="3.11.7",
    landlock_abi=0,
)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def test_a_missing_layer_comes_with_its_reason_and_one_thing_to_do() -> None:
    lines = list(host_lines(WEAK_HOST))
    at = next(index for index, line in enumerate(lines) if line.startswith("landlock"))
    assert "MISSING: this kernel has none" in lines[at]
    assert "do this: Use Linux 5.13 or newer." in lines[at + 1]


@pytest.mark.parametrize(
    ("switch", "container", "words"),
    [
        ("kernel/apparmor_restrict_unprivileged_userns", False, "apparmor_restrict_unprivileged_userns=0"),
        ("", True, "seccomp profile"),
        ("", False, "unprivileged user namespaces"),
    ],
    ids=["Ubuntu", "Docker", "elsewhere"],
)
def test_without_namespaces_it_says_what_to_do_on_this_host(
    monkeypatch: pytest.MonkeyPatch, switch: str, container: bool, words: str
) -> None:
    monkeypatch.setattr(host, "_kernel_switch", lambda name: "1" if name == switch else "")
    monkeypatch.setattr(host, "_in_container", lambda: container)
    assert words in _said_after(_host(namespaces=False, landlock=True), "namespaces")


def test_without_landlock_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.landlock.abi", lambda: 0)
    assert "lsm=" in _said_after(_host(namespaces=True, landlock=False), "landlock")


def test_on_macos_every_missing_layer_leads_to_docker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.kernel.LINUX", False)
    monkeypatch.setattr("sandbox.landlock.abi", lambda: 0)
    found = _host(namespaces=False, landlock=False, seccomp=False, reasons={"fork": NO_FORK})
    assert found.level == "rlimits"
    for name in ("namespaces", "landlock", "seccomp", "processes"):
        assert "docker compose up" in _said_after(found, name)
    assert "can't be forked" in "\n".join(host_lines(found))


def _host(
    *, namespaces: bool, landlock: bool, seccomp: bool = True, reasons: dict[str, str] | None = None
) -> Host:
    walls = Walls(namespaces=namespaces, landlock=landlock, seccomp=seccomp, readable=())
    return host.describe(walls, ceiling="namespaces", attacks=(), reasons=reasons or {})


def _said_after(found: Host, name: str) -> str:
    """The one thing to do that follows the line of a missing layer."""
    lines = list(host_lines(found))
    at = next(index for index, line in enumerate(lines) if line.startswith(name) and "MISSING" in line)
    assert "do this: " in lines[at + 1]
    return lines[at + 1]


def test_what_got_through_the_self_test_is_named() -> None:
    lines = "\n".join(host_lines(WEAK_HOST))
    assert "1 of 2 attacks" in lines
    assert "got through: read a file of the host" in lines


@pytest.mark.anyio
async def test_without_torch_it_says_what_to_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.commands.doctor.find_spec", lambda name: None)
    said: list[str] = []
    assert await doctor(Settings(data=tmp_path), say=said.append) == NONE
    assert "scripts/install-torch" in said[-1]


@pytest.mark.anyio
@pytest.mark.jail
@pytest.mark.timeout(240)
async def test_on_this_machine_it_finds_a_level_and_tries_it(tmp_path: Path) -> None:
    said: list[str] = []
    status = await doctor(Settings(data=tmp_path), say=said.append)
    level = next(line for line in said if line.startswith("level")).split()[1].rstrip(":")
    assert (status == FINE) == (level != "rlimits")
    assert "first line after" in said[-1]
