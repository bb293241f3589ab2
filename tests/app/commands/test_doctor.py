"""`overfit doctor` says each layer, and what to do about one that is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.commands.doctor import FINE, NONE, doctor, host_lines
from app.settings import Settings
from sandbox.host import Attack, Host, Layer

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
