"""What a follow-up begins with."""

from __future__ import annotations

from app.attempts.opening import Debugged, of_follow_up, of_follow_up_after
from app.catalog import load_catalog
from app.settings import CHECKOUT

PACK = load_catalog(CHECKOUT / "problems")


def debugged(problem: str, shape: str) -> Debugged:
    text = PACK.problem(problem).shapes[shape]
    return Debugged(problem=problem, text=text, holds=True, sentence="a b", shape=shape, clean=text)


def test_it_goes_on_from_the_problem_that_it_follows_alone() -> None:
    cache = PACK.problem("kv_cache")
    for other in (debugged("classifier", "causal"), debugged("kv_cache", "gpt")):
        assert of_follow_up_after(cache, other, seed=1) == of_follow_up(cache, seed=1)
