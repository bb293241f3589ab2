"""The attacks of the self-test have power: where no wall stands, they get through."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sandbox import selftest
from sandbox.child import Nursery
from sandbox.host import Attack, level_from
from sandbox.jail import Walls
from sandbox.selftest import Target, attack_jail

NO_WALLS = Walls(namespaces=False, landlock=False, seccomp=False, readable=())


@pytest.fixture
def target(tmp_path: Path) -> Target:
    (tmp_path / "secret").write_text("secret")
    return Target(secret=str(tmp_path / "secret"), library=str(tmp_path), victim=os.getpid())


def attacks(walls: Walls, target: Target) -> dict[str, Attack]:
    found = attack_jail(walls, target, nursery=Nursery(memory_above=0))
    return {attack.name: attack for attack in found}


def test_without_walls_the_attacks_get_through(
    target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selftest, "_LEFT_BEHIND", str(tmp_path / "left behind"))
    found = attacks(NO_WALLS, target)
    assert {name for name, attack in found.items() if not attack.held} >= {
        "learn that a file of the host exists",
        "see another process",
        "read a file of the host",
        "find what an earlier run left behind",
        "write into a library",
        "run a program",
        "open a socket",
        "signal another process",
        "hide memory from the limits",
    }
    assert level_from(tuple(found.values())) == "rlimits"


def test_limits_hold_without_any_other_wall(target: Target) -> None:
    found = attacks(NO_WALLS, target)
    assert all(attack.held for attack in found.values() if attack.level == "rlimits")


def test_an_attack_that_is_broken_does_not_count_as_held(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(target: Target) -> str:
        raise TypeError("the attack itself")

    monkeypatch.setitem(selftest._ATTACKS, "open a socket", ("landlock", broken))
    assert not attacks(NO_WALLS, target)["open a socket"].held


def test_walls_that_cannot_be_put_up_are_an_error_and_not_a_level(target: Target) -> None:
    # Namespaces need the zygote's own root, with its scratch, which this process isn't in.
    with pytest.raises(OSError, match="could not be locked"):
        attacks(Walls(namespaces=True, landlock=False, seccomp=False, readable=()), target)
