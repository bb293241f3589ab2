"""Numbers, times and plurals as people read them, and text that can't break out of a page."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.web.words import as_json, clock, count, figures, keys, loss, plural, sparkline


@pytest.mark.parametrize(
    ("ms", "words"), [(0, "0:00"), (1, "0:01"), (61_000, "1:01"), (3_723_000, "1:02:03"), (-5, "0:00")]
)
def test_a_clock_counts_minutes_and_seconds(ms: int, words: str) -> None:
    assert clock(ms) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (3.0078, "3.01"),
        (0.0072, "0.007"),
        (0.00004, "0.0000"),
        (None, "not a number"),
        (float("nan"), "not a number"),
    ],
)
def test_a_loss_has_as_many_places_as_it_needs(value: float | None, words: str) -> None:
    assert loss(value) == words


def test_counts_are_words_up_to_twelve() -> None:
    assert [count(number) for number in (1, 12, 13)] == ["one", "twelve", "13"]


def test_a_noun_goes_with_its_number() -> None:
    assert plural(1, "property", "properties") == "1 property"
    assert plural(2, "property", "properties") == "2 properties"


def test_keys_are_written_as_keyboards_have_them() -> None:
    assert keys("mod+shift+enter") == "Ctrl ⇧ ⏎"


def test_the_number_a_claim_stands_on_is_strong_and_names_are_code() -> None:
    assert figures("Moved by 0.140. It must be 0.") == "Moved by <b>0.140</b>. It must be 0."
    assert figures("`wpe` read 1.5") == "<code>wpe</code> read <b>1.5</b>"


def test_text_of_a_submission_stays_text() -> None:
    assert figures("<img src=x> & 0.5") == "&lt;img src=x&gt; &amp; <b>0.5</b>"


@given(st.text())
def test_json_in_a_page_cannot_end_its_element(text: str) -> None:
    told = as_json({"text": text})
    assert "<" not in told
    assert json.loads(told) == {"text": text}


@given(st.lists(st.floats(min_value=0, max_value=1e6), min_size=1, max_size=32))
def test_a_small_curve_stays_inside_its_picture(losses: list[float]) -> None:
    spark = sparkline(losses)
    assert spark is not None
    numbers = [float(number) for number in spark.path.replace("M", "").replace("L", " ").split()]
    assert all(0 <= x <= 72 for x in numbers[::2])
    assert all(0 <= y <= 20 for y in numbers[1::2])


def test_a_curve_that_learned_nothing_is_flat() -> None:
    flat, falling = sparkline([3.0, 3.0, 2.9]), sparkline([3.0, 1.0, 0.1])
    assert flat is not None and flat.flat
    assert falling is not None and not falling.flat
    assert sparkline([]) is None
