"""The level is what the attacks failed to do; a missing layer has a reason and one thing to do."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox import host
from sandbox.host import LEVELS, Attack, Host, describe, level_from
from sandbox.jail import Walls

ALL = Walls(namespaces=True, landlock=True, seccomp=True, readable=())
NONE = Walls(namespaces=False, landlock=False, seccomp=False, readable=())


def attacks(**held: bool) -> tuple[Attack, ...]:
    return tuple(Attack(name=f"at {level}", level=level, held=held.get(level, True)) for level in LEVELS)


@pytest.mark.parametrize(
    ("held", "level"),
    [
        ({}, "namespaces"),
        ({"namespaces": False}, "landlock"),
        ({"landlock": False}, "rlimits"),
        ({"namespaces": False, "landlock": False}, "rlimits"),
        ({"rlimits": False}, "rlimits"),
    ],
)
def test_a_level_is_reached_when_its_promises_and_those_below_were_kept(
    held: dict[str, bool], level: str
) -> None:
    assert level_from(attacks(**held)) == level


@given(
    held=st.fixed_dictionaries({level: st.booleans() for level in LEVELS}), ceiling=st.sampled_from(LEVELS)
)
def test_the_ceiling_only_ever_lowers_the_level(held: dict[str, bool], ceiling: str) -> None:
    found = describe(ALL, ceiling=ceiling, attacks=attacks(**held), reasons={}).level
    assert LEVELS.index(found) >= max(LEVELS.index(ceiling), LEVELS.index(level_from(attacks(**held))))


def test_without_namespaces_the_level_is_not_called_so_even_if_all_attacks_were_held() -> None:
    walls = dataclasses.replace(ALL, namespaces=False)
    assert describe(walls, ceiling="namespaces", attacks=attacks(), reasons={}).level == "landlock"


def test_every_missing_layer_says_why() -> None:
    reasons = {"namespaces": "unshare: Operation not permitted", "user": "not readable"}
    found = describe(NONE, ceiling="namespaces", attacks=attacks(), reasons=reasons)
    assert {layer.name for layer in found.missing()} == {
        "ordinary user",
        "namespaces",
        "landlock",
        "seccomp",
    }
    assert all(layer.detail for layer in found.missing())
    assert next(layer for layer in found.layers if layer.name == "namespaces").remedy


def test_a_host_with_all_layers_has_nothing_to_be_done() -> None:
    found = describe(ALL, ceiling="namespaces", attacks=attacks(), reasons={})
    assert (found.missing(), found.failed()) == ((), ())
    assert not any(layer.remedy for layer in found.layers)


@pytest.mark.parametrize(
    ("switch", "value", "words"),
    [
        ("kernel/apparmor_restrict_unprivileged_userns", "1", "apparmor_restrict_unprivileged_userns=0"),
        ("kernel/unprivileged_userns_clone", "0", "unprivileged_userns_clone=1"),
        ("user/max_user_namespaces", "0", "max_user_namespaces=15000"),
    ],
)
def test_the_remedy_names_the_switch_that_forbids_namespaces(
    monkeypatch: pytest.MonkeyPatch, switch: str, value: str, words: str
) -> None:
    monkeypatch.setattr(host, "_kernel_switch", lambda name: value if name == switch else "")
    found = describe(NONE, ceiling="namespaces", attacks=attacks(), reasons={})
    assert words in next(layer.remedy for layer in found.layers if layer.name == "namespaces")


def test_a_host_travels_as_json() -> None:
    found = describe(ALL, ceiling="namespaces", attacks=attacks(), reasons={})
    assert Host.from_json(found.to_json()) == found
