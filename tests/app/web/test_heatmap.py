"""The picture of what each position can see."""

from __future__ import annotations

from typing import Any

from app.web.heatmap import heatmap

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


def test_without_a_measurement_there_is_no_picture() -> None:
    assert heatmap([{"name": "causal", "data": {}}]) is None
    assert heatmap([]) is None
