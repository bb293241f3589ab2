"""The picture of the table of positions as it starts."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest

from app.web.norms import MOST, Norms, norms


def drawn(rows: Any, *, tokens: Any = 0.16, reference: Any = None) -> Norms | None:
    data = {"rows": rows, "tokens": tokens, "reference": reference}
    return norms([{"name": "position_init", "data": data}])


def tops(path: str) -> list[float]:
    return [float(y) for y in re.findall(r"V([\d.]+)", path)]


def test_both_tables_stand_on_one_scale() -> None:
    picture = drawn([160.0, 0.2], reference={"rows": [0.2, 0.2], "tokens": 0.16})
    assert picture is not None and picture.reference is not None
    high, low = tops(picture.yours.path)
    assert high < low == tops(picture.reference.path)[0]
    assert picture.yours.tokens == picture.reference.tokens
    assert picture.yours.words == "Yours: norms of 2 positions from 0.2 to 160; mean norm of a token 0.16"


def test_a_row_that_was_never_set_is_hatched() -> None:
    picture = drawn([None, None, 0.2, None])
    assert picture is not None and picture.unset
    assert len(picture.yours.hatches) == 2
    assert len(tops(picture.yours.path)) == 1
    assert "3 of 4 rows of positions start as whatever was in memory" in picture.yours.words


def test_a_row_of_zeros_has_no_stroke_and_no_hatch() -> None:
    picture = drawn([0.0, 0.2])
    assert picture is not None and not picture.unset
    assert len(tops(picture.yours.path)) == 1


@pytest.mark.parametrize("rows", [None, 3, "abc", {}, [], [0.1] * (MOST + 1)])
def test_what_has_another_form_is_not_drawn(rows: Any) -> None:
    assert drawn(rows) is None
    beside = drawn([0.1], reference={"rows": rows})
    assert beside is not None and beside.reference is None


@pytest.mark.parametrize("size", [math.nan, math.inf, -1.0, 10**400, "1", True, [0.1]])
def test_a_size_that_is_none_counts_as_never_set(size: Any) -> None:
    picture = drawn([size, 0.1], tokens=size, reference=size)
    assert picture is not None
    assert picture.yours.rows == (None, 0.1)
    assert picture.yours.tokens is None and picture.reference is None


def test_a_scale_ends_somewhere() -> None:
    picture = drawn([1e-300, 1e29], tokens=5e-324)
    assert picture is not None
    assert len(picture.ticks) <= 6
    assert all(picture.top <= y <= picture.bottom for y in tops(picture.yours.path))
