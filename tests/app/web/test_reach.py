"""The picture of the gradient that reaches each parameter tensor."""

from __future__ import annotations

import math
from typing import Any

import pytest

from app.web.reach import MOST, Reach, reach


def drawn(tensors: Any, of: Any = None) -> Reach | None:
    return reach([{"name": "gradients_reach", "data": {"tensors": tensors, "of": of}}])


def test_a_tensor_without_a_gradient_has_no_bar_and_says_so() -> None:
    picture = drawn([["wpe", None, -1.0], ["wte", -2.0, -2.0]])
    assert picture is not None
    missed, other = picture.tensors
    assert (missed.yours.width, missed.yours.words) == (None, "none")
    assert missed.reference is not None and missed.reference.width is not None
    assert other.yours.width is not None and other.yours.words == "1.0e-02"
    assert picture.words == (
        "Yours: 1 of 2 parameter tensors get no gradient: wpe."
        " Reference: each of the 2 by the same names gets one."
    )


def test_both_columns_share_one_scale() -> None:
    picture = drawn([["a", None, 1.0], ["b", 1.0, -1.0]])
    assert picture is not None
    first, second = picture.tensors
    assert first.reference is not None and second.reference is not None
    assert first.reference.width == second.yours.width
    assert 0 < (second.reference.width or 0) < (second.yours.width or 0)


def test_the_reference_stands_beside_the_names_that_both_have() -> None:
    picture = drawn([["renamed", None], ["b", 1.0, -1.0]])
    assert picture is not None
    assert [tensor.reference is None for tensor in picture.tensors] == [True, False]
    assert picture.compared_by_name
    alone = drawn([["renamed", None]])
    assert alone is not None and [name for name, _ in alone.columns] == ["Yours"]


def test_what_is_not_drawn_is_counted() -> None:
    picture = drawn([["a", None]] * 3, of=50)
    assert picture is not None and picture.left_out == 47


@pytest.mark.parametrize(
    "tensors", [None, 3, "wte", {}, [], [[]], [["a"]], [[3, 1.0]], ["ab"], [[None, None]]]
)
def test_what_has_another_form_is_not_drawn(tensors: Any) -> None:
    assert drawn(tensors) is None


@pytest.mark.parametrize("exponent", [math.nan, math.inf, 10**400, "1", True, [1.0]])
def test_an_exponent_that_is_no_number_has_no_bar(exponent: Any) -> None:
    picture = drawn([["a", exponent, exponent], ["b", 0.0, 0.0]], of=exponent)
    assert picture is not None
    assert picture.tensors[0].yours.width is None


def test_what_is_endless_is_cut() -> None:
    picture = drawn([["x" * 10_000, 1e29]] * 10_000)
    assert picture is not None
    assert len(picture.tensors) == MOST
    assert len(picture.tensors[0].name) <= 80 and len(picture.tensors[0].label) <= 26
    assert all((tensor.yours.width or 0) <= picture.width for tensor in picture.tensors)
    assert len(picture.ticks) <= 8
