"""Each row of the table of attacks has an attempt or a scenario of its own, in tests/sandbox/escapes/."""

from __future__ import annotations

import pytest

from tests.sandbox.escapes.registry import ATTEMPTS, SCENARIOS, Attempt, Scenario, load_all
from tests.sandbox.escapes.rows import ROWS

load_all()

_FOUND: list[Attempt | Scenario] = [*ATTEMPTS.values(), *SCENARIOS.values()]
_COVERED = [row for found in _FOUND for row in found.rows]


@pytest.mark.parametrize("row", ROWS)
def test_a_row_of_the_table_has_its_attack(row: str) -> None:
    assert row in _COVERED


def test_no_attack_stands_for_a_row_that_is_not_there() -> None:
    assert set(_COVERED) <= set(ROWS)


def test_there_are_many_attacks_of_our_own_besides() -> None:
    assert sum(not found.rows for found in _FOUND) >= 200
