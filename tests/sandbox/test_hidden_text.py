"""The text that no submission has seen."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from sandbox.hidden_text import hidden_text

SEEDS = st.integers(0, 2**40)


@given(SEEDS)
def test_each_place_tells_itself_by_the_character_before(seed: int) -> None:
    pairs = list(pairwise(hidden_text(seed)))

    assert len(set(pairs)) == len(pairs)


@given(SEEDS)
def test_it_holds_what_may_be_tidied_away(seed: int) -> None:
    text = hidden_text(seed)

    assert {" ", "\n", "0", ","} <= set(text)
    assert "  " in text
    assert text.lower() != text


@given(SEEDS)
def test_a_seed_gives_one_text_and_the_next_one_another(seed: int) -> None:
    assert hidden_text(seed) == hidden_text(seed) != hidden_text(seed + 1)
