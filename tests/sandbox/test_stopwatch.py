"""Where the time of a jailed child goes, step by step."""

from __future__ import annotations

import asyncio

import pytest

from sandbox.keeper import stop_times
from sandbox.stopwatch import STEPS

pytestmark = [pytest.mark.jail, pytest.mark.timeout(240)]


def test_every_step_of_a_jailed_child_is_timed_beside_a_plain_one() -> None:
    rounds = asyncio.run(stop_times())
    assert len(rounds) > 10
    for one in rounds:
        assert list(one["plain"]) == ["fork", "first line", "reaped"]
        taken = [step for step in STEPS if step in one["jailed"]]
        assert list(one["jailed"]) == taken  # in this order; namespaces and mounts only where there are any
        assert {"fork", "limits and filters", "first line", "reaped"} <= set(taken)
        assert all(spent >= 0 for steps in one.values() for spent in steps.values())
