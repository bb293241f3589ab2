"""The table of attacks is covered: each row has an attempt or a scenario of its own (tests/sandbox/escapes/)."""

from __future__ import annotations

import pytest

from tests.sandbox.escapes.registry import ATTEMPTS, SCENARIOS, load_all
from tests.sandbox.escapes.rows import ROWS

load_all()

_COVERED = [row for found in (*ATTEMPTS.values(), *SCENARIOS.values()) for row in found.rows]


@pytest.mark.parametrize("row", ROWS)
def test_a_row_of_the_table_has_its_attack(row: str) -> None:
    assert row in _COVERED


def test_no_attack_stands_for_a_row_that_is_not_there() -> None:
    assert set(_COVERED) <= set(ROWS)


def test_there_are_many_attacks_of_our_own_besides() -> None:
    own = [found for found in (*ATTEMPTS.values(), *SCENARIOS.values()) if not found.rows]
    assert len(own) >= 30
