"""The header of a starter carries its variant, unreadable at a glance and safe against nonsense."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.catalog import Problem, choose, compose, draw, find_header, load_catalog, with_header
from app.settings import CHECKOUT

GPT = load_catalog(CHECKOUT / "problems")


@given(seed=st.integers(0, 2**40))
def test_a_header_gives_its_variant_back(seed: int) -> None:
    variant = draw(GPT, problem="gpt", tier="reported", seed=seed)
    source = with_header(compose(GPT.problem("gpt"), variant).source, variant)
    header = find_header(source)
    assert header is not None
    assert header.variant == variant


def test_a_header_is_one_comment_that_names_no_bug(problem: Problem) -> None:
    variant = choose(problem, bugs=["halved"], seed=1)
    line, rest = with_header("x = 1\n", variant).split("\n", 1)
    assert line.startswith("# overfit: ")
    assert rest == "x = 1\n"
    assert not any(word in line.lower() for word in ("halved", "bug", "tiny", "loss"))


def test_a_source_without_a_header_has_none() -> None:
    assert find_header("x = 1\n") is None


def test_a_header_is_found_where_an_editor_moved_it(problem: Problem) -> None:
    variant = choose(problem, bugs=["halved"], seed=1)
    header = find_header("#!/usr/bin/env python\n\n" + with_header("x = 1\n", variant))
    assert header is not None
    assert header.variant == variant


@given(token=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1))
def test_nonsense_is_a_header_that_can_not_be_read(token: str) -> None:
    header = find_header(f"# overfit: {token}\n")
    assert header is not None
    assert header.variant is None


def test_a_changed_character_makes_a_header_unreadable(problem: Problem) -> None:
    line = with_header("", choose(problem, bugs=["halved"], seed=1)).rstrip("\n")
    changed = line[:40] + ("A" if line[40] != "A" else "B") + line[41:]
    header = find_header(changed)
    assert header is not None
    assert header.variant is None
