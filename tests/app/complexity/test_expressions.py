"""Answers of the gate are read by a whitelist: sums, products, small powers of T, d and L, nothing else."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.complexity.expressions import HIGHEST_DEGREE, Monomial, Unreadable, read

T, D, L = Monomial(T=1), Monomial(d=1), Monomial(L=1)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("T", {T}),
        ("T^2*d", {T * T * D}),
        ("T**2 * d", {T * T * D}),
        ("T² d", {T * T * D}),
        ("T^2d", {T * T * D}),
        ("O(T^2 d + T d^2)", {T * T * D, T * D * D}),
        ("L (T^2 d + T d^2)", {L * T * T * D, L * T * D * D}),
        ("2 * L * T * d", {L * T * D}),
        ("(T + d)^2", {T * T, T * D, D * D}),
        ("T · d", {T * D}),
        ("3", {Monomial()}),
        ("0 * T + d", {D}),
        ("T^0", {Monomial()}),
        ("  T\n", {T}),
    ],
)
def test_an_expression_is_the_set_of_its_monomials(text: str, terms: set[Monomial]) -> None:
    assert read(text) == terms


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "n^2",
        "T^",
        "T^d",
        "T^5",
        "T^-1",
        "T - d",
        "T / d",
        "T.real",
        "__import__('os')",
        "T if d else L",
        "[T]",
        "T, d",
        "(T",
        "log(T)",
        "T == d",
        "True",
        "0",
        "T" * 101,
        "((((T^4)^4)^4)^4)^4",
        "T ^ 2.5",
        "lambda: T",
        "²",
        "\0",
        "(" * 99,
    ],
)
def test_everything_else_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(Unreadable) as refused:
        read(text)
    assert refused.value.hint


@given(st.text(max_size=120))
def test_no_text_does_more_than_be_read_or_refused(text: str) -> None:
    try:
        terms = read(text)
    except Unreadable:
        return
    assert all(max(term.T, term.d, term.L) <= HIGHEST_DEGREE for term in terms)


@given(st.text(alphabet="TdL0123456789+*^() ", max_size=100))
def test_texts_of_the_right_signs_end_quickly_too(text: str) -> None:
    with contextlib.suppress(Unreadable):
        assert read(text)


@given(st.lists(st.sampled_from(["T", "d", "L", "T^2*d", "3*T", "L*d^2"]), min_size=1, max_size=6))
def test_the_order_of_a_sum_means_nothing(terms: list[str]) -> None:
    assert read("+".join(terms)) == read("+".join(reversed(terms)))
