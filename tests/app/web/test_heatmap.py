"""The pictures of what each position can see, and of where it looks."""

from __future__ import annotations

import math
from typing import Any

import pytest

from app.web.heatmap import Heatmap, attention_map, heatmap

LEAKY = [[0.5, 0.1], [0.2, 0.4]]
CAUSAL = [[0.5, 0.0], [0.2, 0.4]]


def causal(matrix: Any, reference: Any) -> list[dict[str, Any]]:
    data = {"chars": ["a", " "], "matrix": matrix, "reference": reference, "tolerance": 1e-6}
    return [{"name": "causal", "data": data}]


def test_a_response_above_the_diagonal_is_a_leak() -> None:
    picture = heatmap(causal(LEAKY, CAUSAL))
    assert picture is not None
    assert [cell.kind for cell in picture.yours.cells] == ["cell", "leak", "cell", "cell"]
    assert picture.yours.words == "Yours: 1 of 1 cells above the diagonal respond to later tokens"
    assert picture.reference is not None
    assert picture.reference.words == "Reference: no position responds to tokens after it"


def test_both_maps_share_one_scale() -> None:
    picture = heatmap(causal([[1.0, 0.0], [0.0, 1.0]], [[0.5, 0.0], [0.0, 0.5]]))
    assert picture is not None and picture.reference is not None
    assert picture.yours.cells[0].ink == 1.0
    assert picture.reference.cells[0].ink < 1.0


def test_a_space_is_shown_as_a_dot() -> None:
    picture = heatmap(causal(CAUSAL, CAUSAL))
    assert picture is not None
    assert picture.labels == ("a", "·")


def looks(matrix: Any, reference: Any) -> Heatmap | None:
    data = {"chars": ["a", " "], "matrix": matrix, "reference": reference}
    return attention_map([{"name": "attention_rows", "data": data}])


def test_each_row_stands_beside_its_sum() -> None:
    picture = looks([[0.25, 0.0], [0.5, 0.5]], [[1.0, 0.0], [0.4, 0.6001]])
    assert picture is not None and picture.reference is not None
    assert [(one.words, one.even) for one in picture.yours.sums] == [("0.25", False), ("1.00", True)]
    assert picture.yours.words == "Yours: 1 of 2 rows do not sum to 1; sums from 0.25 to 1.00"
    assert picture.reference.words == "Reference: each of 2 rows sums to 1"


def test_weight_on_a_later_position_is_a_leak() -> None:
    picture = looks([[0.5, 0.5], [0.5, 0.5]], None)
    assert picture is not None and picture.reference is None
    assert [cell.kind for cell in picture.yours.cells] == ["cell", "leak", "cell", "cell"]


HOSTILE: list[Any] = [
    None,
    3,
    "ab",
    [],
    [[]],
    [[1.0]],
    [[1.0, 2.0], [3.0]],
    [[1.0, None], [0.0, 1.0]],
    [[1.0, "2"], [0.0, 1.0]],
    [[1.0, True], [0.0, 1.0]],
    [[1.0, math.nan], [0.0, 1.0]],
    [[1.0, math.inf], [0.0, 1.0]],
    [[1.0, 10**400], [0.0, 1.0]],
    [{"0": 1.0}, {"0": 1.0}],
    [[0.0] * 500] * 500,
]


@pytest.mark.parametrize("matrix", HOSTILE)
def test_numbers_that_do_not_fit_are_not_drawn(matrix: Any) -> None:
    assert heatmap(causal(matrix, CAUSAL)) is None
    assert looks(matrix, CAUSAL) is None
    beside = looks(CAUSAL, matrix)
    assert beside is not None and beside.reference is None


@pytest.mark.parametrize("chars", [None, ["a"], ["a", ""], ["a", 3], [["a"], "b"], "abc"])
def test_places_without_a_character_each_are_not_drawn(chars: Any) -> None:
    data = {"chars": chars, "matrix": CAUSAL, "tolerance": 1e-6}
    assert heatmap([{"name": "causal", "data": data}]) is None


def test_a_label_is_one_character() -> None:
    data = {"chars": ["a" * 1000, "<"], "matrix": CAUSAL}
    picture = attention_map([{"name": "attention_rows", "data": data}])
    assert picture is not None and picture.labels == ("a", "<")


def test_without_a_measurement_there_is_no_picture() -> None:
    assert heatmap([{"name": "causal", "data": {}}]) is None
    assert heatmap([]) is None
