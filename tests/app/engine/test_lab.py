"""What the lab is told is a stranger's word."""

from __future__ import annotations

from app.engine.lab import facts_in


def test_a_fact_that_is_nested_deeply_is_passed_over() -> None:
    deep = '{"T": ' + "[" * 700 + "]" * 700 + "}"
    assert facts_in(f'lab {deep}\nlab {{"T": 64}}\n') == [{"T": 64}]
