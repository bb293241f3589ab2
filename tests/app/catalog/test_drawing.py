"""Draws are repeatable, follow their tier's rules, and give nobody the same puzzle twice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.catalog import Bug, Catalog, Problem, Variant, choose, draw, load_catalog
from app.errors import BadInput, NotFound
from app.settings import CHECKOUT

GPT = load_catalog(CHECKOUT / "problems")
seeds = st.integers(min_value=0, max_value=2**63)


@given(seed=seeds)
def test_the_same_seed_draws_the_same_variant(seed: int) -> None:
    first = draw(GPT, problem="gpt", tier="reported", seed=seed)
    assert draw(GPT, problem="gpt", tier="reported", seed=seed) == first
    assert Variant.from_json(first.to_json()) == first


@given(seed=seeds)
def test_a_reported_draw_has_one_bug_of_each_canonical_family(seed: int) -> None:
    bugs = _drawn("reported", seed)
    families = sorted(bug.family for bug in bugs if bug.family != "typo")
    assert families in ([*sorted(["position", "mask", "projection", last])] for last in ("loop", "shift"))
    assert sum(bug.symptom == "crash" for bug in bugs) <= 1
    assert not any(bug.symptom == "crash" for bug in bugs if bug.family == "typo")


def test_one_reported_draw_of_four_has_a_fifth_bug() -> None:
    fifths = sum(len(_drawn("reported", seed)) == 5 for seed in range(400))
    assert 70 <= fifths <= 130


@given(seed=seeds)
def test_a_warm_up_draw_is_one_loud_bug(seed: int) -> None:
    (bug,) = _drawn("warm-up", seed)
    assert bug.difficulty == "loud"


def test_no_puzzle_comes_twice_while_others_are_left(catalog: Catalog) -> None:
    had: list[Variant] = []
    for _ in range(4):
        had.append(draw(catalog, problem="tiny", tier="reported", seed=1, avoid=had))
    assert len({variant.puzzle for variant in had}) == 4


def test_when_all_puzzles_were_had_one_comes_again_with_another_sentence(catalog: Catalog) -> None:
    had = [draw(catalog, problem="tiny", tier="warm-up", seed=1)]
    while len(had) < 6:  # two bugs, three sentences
        had.append(draw(catalog, problem="tiny", tier="warm-up", seed=1, avoid=had))
    assert len({(variant.puzzle, variant.sentence) for variant in had}) == 6
    with pytest.raises(BadInput, match="Every variant of this tier has been had"):
        draw(catalog, problem="tiny", tier="warm-up", seed=1, avoid=had)


def test_marks_and_shape_may_be_chosen(catalog: Catalog) -> None:
    variant = draw(catalog, problem="tiny", tier="reported", seed=1, shape="tiny", marks=False)
    assert (variant.marks, variant.shape) == (False, "tiny")
    with pytest.raises(BadInput, match="has no bug to draw for the shape “round”"):
        draw(catalog, problem="tiny", tier="reported", seed=1, shape="round")


def test_an_unknown_problem_or_tier_is_named(catalog: Catalog) -> None:
    with pytest.raises(NotFound, match="no problem “bert”"):
        draw(catalog, problem="bert", tier="reported", seed=1)
    with pytest.raises(NotFound, match="no tier “hard”"):
        draw(catalog, problem="tiny", tier="hard", seed=1)


def test_a_draw_knows_the_pack_that_it_is_of(problem: Problem) -> None:
    variant = choose(problem, bugs=["halved"], seed=1)
    assert variant.pack_digest == problem.digest
    assert variant.puzzle == replace(variant, sentence="sea", seed=2).puzzle


def test_slots_are_not_in_the_order_of_the_file_nor_of_the_names() -> None:
    orders = {draw(GPT, problem="gpt", tier="reported", seed=seed).bugs for seed in range(40)}
    assert any(order != tuple(sorted(order)) for order in orders)
    firsts = {GPT.problem("gpt").bugs[order[0]].family for order in orders}
    assert len(firsts) >= 4


def _drawn(tier: str, seed: int) -> list[Bug]:
    variant = draw(GPT, problem="gpt", tier=tier, seed=seed)
    return [GPT.problem("gpt").bugs[bug] for bug in variant.bugs]


def test_a_tier_of_another_problem_is_refused_by_name(pack: Path) -> None:
    path = pack / "pack.toml"
    path.write_text(path.read_text().replace('name = "warm-up"', 'name = "warm-up"\nproblems = ["other"]'))
    catalog = load_catalog(pack)
    assert [tier.name for tier in catalog.tiers_of("tiny")] == ["reported", "drill"]
    with pytest.raises(BadInput, match="“warm-up” does not draw from tiny") as raised:
        draw(catalog, problem="tiny", tier="warm-up", seed=1)
    assert raised.value.hint == "There is: reported, drill."
