"""Slopes are fitted on log-log, and the lab's facts are read with care."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from app.complexity.slopes import MOST, Context, Name, Series, read_series, slope

LENGTHS = (64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096)


def measured(ms: Callable[[int], float], *, name: Name = "uncached", **context: Any) -> Series:
    facts = [{"series": name, **context}, *({"series": name, "T": T, "ms": ms(T)} for T in LENGTHS)]
    found = read_series(facts, name=name, whose="yours")
    assert found is not None
    return found


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0, 3.0])
def test_a_pure_power_has_its_slope_everywhere(power: float) -> None:
    series = measured(lambda T: 0.01 * T**power)
    assert series.slope == pytest.approx(power)
    assert series.tail == pytest.approx(power)


def test_the_last_half_is_nearer_to_the_leading_term_than_all() -> None:
    series = measured(lambda T: 384 * T + T**2)
    assert series.slope is not None and series.tail is not None
    assert 1 < series.slope < series.tail < 2


def test_theory_and_the_machine_part_where_two_terms_are_level() -> None:
    """a + b T has the slope 1/2 where b T = a; c T + T² the slope 3/2 where T = c."""
    assert measured(lambda T: 700 + T, name="cached").parting == pytest.approx(700, rel=0.2)
    assert measured(lambda T: 400 * T + T**2).parting == pytest.approx(400, rel=0.2)


def test_a_curve_may_follow_theory_throughout_or_never() -> None:
    assert measured(lambda T: T**2).parting == LENGTHS[0]
    assert measured(lambda T: float(T)).parting is None


def test_a_single_length_has_no_slope() -> None:
    assert slope(measured(lambda T: T).points[:1]) is None


def test_a_series_outlives_its_store() -> None:
    series = measured(lambda T: T, name="cached")
    assert Series.from_json(series.to_json()) == series
    longer = measured(lambda T: T, was=128, now=1024)
    assert longer.context is None  # without a name


def test_what_was_put_in_is_told() -> None:
    facts: list[dict[str, Any]] = [{"series": "cached", "name": "block_size", "was": 128, "now": 1024}]
    facts += [{"series": "cached", "T": T, "ms": 1.0} for T in LENGTHS]
    found = read_series(facts, name="cached", whose="clean")
    assert found is not None
    assert found.context == Context(name="block_size", was=128, now=1024)
    assert Series.from_json(found.to_json()) == found


@pytest.mark.parametrize(
    "fact",
    [
        {"T": 8192, "ms": math.nan},
        {"T": 8192, "ms": None},
        {"T": 8192, "ms": -1.0},
        {"T": 8192, "ms": "1"},
        {"T": 8192.5, "ms": 1.0},
        {"T": 1 << 40, "ms": 1.0},
        {"T": 100, "ms": 1.0},  # goes back
        {"T": [], "ms": {}},
        {"name": "<script>", "was": 1, "now": 2},
        {"name": 3, "was": 1, "now": 2},
    ],
)
def test_a_fact_of_another_form_is_left_out(fact: dict[str, Any]) -> None:
    facts = [{"series": "cached", "T": T, "ms": 1.0} for T in LENGTHS]
    found = read_series([*facts, {"series": "cached", **fact}], name="cached", whose="yours")
    assert found is not None
    assert [point.T for point in found.points] == list(LENGTHS)
    assert found.context is None


def test_too_few_points_are_no_series_and_too_many_are_cut() -> None:
    facts = [{"series": "cached", "T": T, "ms": 1.0} for T in range(1, 500)]
    assert read_series(facts[:2], name="cached", whose="yours") is None
    assert read_series(facts, name="uncached", whose="yours") is None
    found = read_series(facts, name="cached", whose="yours")
    assert found is not None and len(found.points) == MOST
