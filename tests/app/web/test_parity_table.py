"""The picture of parity: rows, steps, the first divergence, and data that is not what it should be."""

from __future__ import annotations

from typing import Any

import pytest

from app.web.parity_table import FAINT, parity_table
from app.web.reading import read_verdict
from app.web.templating import environment

PATTERN = [3, 2, 1, 1, 1]
FIRST = {
    "layer": 0,
    "place": "attention",
    "position": 3,
    "size": 0.31,
    "step": 1,
    "stored": 3,
    "new": 2,
    "sees": [[True] * 5, [True] * 5],
}


def entry(name: str, *, sizes: Any = None, first: Any = None, **data: Any) -> dict[str, Any]:
    table = {"pattern": PATTERN, "tolerance": 1e-5, "sizes": sizes or [0.0] * 8, "first": first} | data
    return {
        "name": name,
        "title": "Chunks",
        "component": "attention",
        "status": "broken" if first else "held",
        "detail": "",
        "data": table,
    }


DIVERGED = entry("parity_chunks", sizes=[0.0, 0.0, 0.0, 0.31, 1e-3, 0.0, 2e-5, 0.31], first=FIRST)


def test_a_row_has_a_dot_a_tick_and_a_frame() -> None:
    table = parity_table([entry("parity_single"), DIVERGED])
    assert table is not None
    assert [row.name for row in table.rows] == ["Token by token", "Chunks"]
    single, chunks = table.rows
    assert single.holds and not chunks.holds
    assert [place.equal for place in chunks.places] == [True, True, True, False, False, True, False, False]
    assert [place.begins for place in chunks.places] == [True, False, False, True, False, True, True, True]
    assert [i for i, place in enumerate(chunks.places) if place.first] == [3]
    assert table.words == "Token by token: equal at every position. Chunks: diverges from position 3"


def test_ink_grows_with_the_logarithm_of_the_size() -> None:
    table = parity_table([DIVERGED])
    assert table is not None
    largest, middle, small = (table.rows[0].places[i].ink for i in (3, 4, 6))
    assert largest == 1.0 > middle > small > FAINT
    assert middle == pytest.approx((largest + FAINT) / 2, abs=0.1)


def test_the_first_divergence_is_that_of_the_first_row_that_diverged() -> None:
    table = parity_table([entry("parity_mixed", first={**FIRST, "position": 5}), DIVERGED])
    assert table is not None and table.divergence is not None
    assert (table.divergence.row, table.divergence.position) == ("Chunks", 3)
    assert table.divergence.layer == "0, attention output"
    assert [seen.name for seen in table.divergence.maps] == ["Yours, 10 respond", "Expected, 9"]
    assert [kind for *_, kind in table.divergence.maps[0].cells].count("future") == 1


def test_steps_are_said_shortly() -> None:
    table = parity_table(
        [DIVERGED, entry("parity_single", pattern=[1] * 8), entry("parity_mixed", pattern=[7, 1])]
    )
    assert table is not None
    assert [row.steps for row in table.rows] == ["1 × 8", "3, 2 + 1 × 3", "7, 1"]


def test_a_row_that_stopped_says_so() -> None:
    stopped = entry("parity_chunks", first=None)
    stopped["data"]["sizes"] = []
    table = parity_table([stopped])
    assert table is not None
    assert table.rows[0].places == ()
    assert table.words == "Chunks: the program stopped"


@pytest.mark.parametrize(
    "data",
    [
        {},
        None,
        "<script>",
        [1, 2],
        {"pattern": [3], "sizes": [0.0], "tolerance": 1e-5},
        {"pattern": [], "sizes": [], "tolerance": 1e-5},
        {"pattern": [-1, 2], "sizes": [0.0], "tolerance": 1e-5},
        {"pattern": [10**9], "sizes": [], "tolerance": 1e-5},
        {"pattern": [1] * 10_000, "sizes": [0.0] * 10_000, "tolerance": 1e-5},
        {"pattern": [1], "sizes": [float("nan")], "tolerance": 1e-5},
        {"pattern": [1], "sizes": ["<b>"], "tolerance": 1e-5},
        {"pattern": [1], "sizes": [True], "tolerance": 1e-5},
        {"pattern": [1], "sizes": [0.0], "tolerance": None},
        {"pattern": ["1"], "sizes": [0.0], "tolerance": 1e-5},
    ],
)
def test_malformed_data_is_left_out(data: Any) -> None:
    assert parity_table([{"name": "parity_chunks", "status": "broken", "data": data}]) is None


@pytest.mark.parametrize(
    "change",
    [
        {"position": "<b>"},
        {"position": 10**6},
        {"size": float("inf")},
        {"stored": None},
        {"step": -1},
        {"new": True},
    ],
)
def test_a_malformed_divergence_is_left_out(change: dict[str, Any]) -> None:
    table = parity_table([entry("parity_chunks", sizes=[1.0] * 8, first={**FIRST, **change})])
    assert table is not None and table.divergence is None


@pytest.mark.parametrize("sees", [None, 3, [], [[True]], [[True] * 5, 7], [[True] * 5, [True] * 4], "ab"])
def test_malformed_maps_are_left_out(sees: Any) -> None:
    table = parity_table([entry("parity_chunks", sizes=[1.0] * 8, first={**FIRST, "sees": sees})])
    assert table is not None and table.divergence is not None
    assert table.divergence.maps == ()


def test_the_picture_is_drawn_and_nothing_of_the_data_becomes_markup() -> None:
    hostile = {**FIRST, "layer": "<b>", "place": "<script>alert(1)</script>"}
    verdict = {
        "outcome": "failed",
        "criteria": {
            "loss_drop": {"passed": True, "first": 3.0, "last": 0.1, "steps": 60},
            "generation": {"passed": True, "expected": "warm", "got": "warm"},
        },
        "properties": [entry("parity_chunks", sizes=[1.0] * 8, first=hostile)],
        "bugs": [],
        "notes": [],
        "failure": None,
    }
    reading = read_verdict(verdict)
    assert reading.headline == "Equal text, unequal logits."
    html = environment().get_template("attempts/_verdict.html").render(reading=reading)
    assert "not seen" in html and "alert" not in html and "<b>&" not in html
    assert html.count('class="framed"') == 1
    assert 'aria-label="Chunks: diverges from position 0"' in html


def test_without_a_measurement_there_is_no_picture() -> None:
    assert parity_table([{"name": "causal", "data": {}}]) is None
    assert parity_table([]) is None
