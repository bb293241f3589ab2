"""What comes next: the drill of what stayed alive, what failed once more, or the next tier."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from app.catalog import Pick, Tier
from app.history.onward import again, onward, same
from app.history.reached import Reached
from app.history.views import Budget, Next, Review
from tests.app.history.made import MINUTE, review
from tests.app.history.test_ways import bug, lane, tally


def tier(name: str, bugs: int) -> Tier:
    return Tier(
        name=name,
        title=name,
        summary="",
        marks=True,
        minutes=5,
        guided=False,
        max_crashes=0,
        picks=(Pick(),) * bugs,
        problems=(),
    )


TIERS = [tier("reported", 4), tier("warm-up", 1), tier("silent", 4), tier("drill", 1)]


def stage(kind: str, *, position: int, passed: bool | None) -> Reached:
    return Reached(
        position=position,
        kind=kind,
        title=kind,
        begins_ms=0,
        ends_ms=1,
        runs_ms=[],
        saw=None,
        true=None,
        passed=passed,
        words="The loss lied.",
        url="",
    )


def hour(*kinds: tuple[str, bool], **known: Any) -> Review:
    found = [stage(kind, position=place, passed=passed) for place, (kind, passed) in enumerate(kinds)]
    made = review(total_ms=60 * MINUTE)
    return replace(made, stages=found, kind=found[0].kind, plan=[kind for kind, _ in kinds], **known)


def after(made: Review) -> Next:
    found = onward(made, families={"mask", "loop"}, tiers=TIERS)
    assert found is not None
    return found


def test_the_bug_that_stayed_alive_and_took_most_is_drilled() -> None:
    made = hour(
        ("debug", False),
        ("complexity", False),
        bugs=[bug(1, "mask"), bug(2, "loop"), bug(3, "loop")],
        lanes=[lane(1, seen=None), lane(2, seen=None), lane(3, seen=5)],
        tallies=[tally(1, spent=2), tally(2, spent=4), tally(3, spent=30)],
    )
    assert after(made).fields == {"mode": "drill", "problem": "tiny", "family": "loop"}
    assert after(made).why.startswith("Bug 2 stayed alive.")


def test_a_bug_that_took_long_is_drilled_although_it_was_fixed() -> None:
    known: dict[str, Any] = {"bugs": [bug(1, "mask")], "lanes": [lane(1, seen=30)], "look": "passed"}
    slow = hour(("debug", True), tallies=[tally(1, spent=12)], **known)
    assert after(slow).why.startswith("Bug 1 took 12:00")
    quick = hour(("debug", True), tallies=[tally(1, spent=2)], **known)
    assert after(quick).fields["tier"] == "silent"


def test_a_family_that_can_not_be_drilled_is_not_offered() -> None:
    made = hour(("debug", False), bugs=[bug(1, "offset")], lanes=[lane(1, seen=None)], tallies=[tally(1)])
    assert after(made).fields == {"mode": "practice", "problem": "tiny", "tier": "reported"}


def test_what_failed_after_the_bugs_is_met_again() -> None:
    assert after(hour(("debug", True), ("complexity", False))).fields == {
        "mode": "practice",
        "stages": "complexity",
    }
    later = hour(("debug", True), ("complexity", True), ("kv_cache", False))
    assert after(later).fields["stages"] == "kv_cache"


def test_where_all_held_the_next_tier_has_as_many_bugs_or_it_is_the_hour() -> None:
    held = hour(("debug", True), look="passed")
    assert after(held).fields == {"mode": "practice", "problem": "tiny", "tier": "silent"}
    assert after(replace(held, tier="silent")).fields == {"mode": "mock", "stages": "hour"}
    assert after(replace(held, mode="drill", tier="drill")).fields == {"mode": "drill", "problem": "tiny"}
    assert after(hour(("kv_cache", True), look="passed")).fields["stages"] == "classifier"


def test_before_the_bugs_are_told_nothing_is_said() -> None:
    made = hour(("debug", False), key=False)
    assert onward(made, families=set(), tiers=TIERS) is None


def test_the_same_again_keeps_the_mode_and_its_stages() -> None:
    assert again(hour(("debug", True), family="mask", mode="drill", tier="drill")) == {
        "mode": "drill",
        "problem": "tiny",
        "tier": "drill",
        "family": "mask",
    }
    whole = hour(("debug", True), ("complexity", True), ("classifier", True), ("kv_cache", True), mode="mock")
    assert again(whole)["stages"] == "hour"
    assert again(replace(whole, mode="practice"))["stages"] == "hour"
    assert again(hour(("debug", True), ("kv_cache", True)))["stages"] == "debug kv_cache"
    assert again(hour(("kv_cache", True))) == {"mode": "practice", "stages": "kv_cache"}


def test_this_very_round_keeps_its_follow_up_and_how_it_was_held() -> None:
    kinds = ("debug", "complexity", "classifier", "kv_cache")
    made = hour(
        *((kind, True) for kind in kinds), mode="mock", seed=7, drawn_marked=True, minutes=None, slow=True
    )
    asked = same(replace(made, budget=Budget(runs=2, of=3)))
    assert asked["stages"] == " ".join(kinds)
    assert [asked[name] for name in ("seed", "minutes", "budget", "slow", "marks")] == [
        "7",
        "none",
        "3",
        "on",
        "on",
    ]
    assert "marks" not in same(hour(("kv_cache", True)))


def test_the_page_of_a_later_stage_offers_the_same_round() -> None:
    made = hour(("debug", True), ("classifier", True), seed=7, drawn_marked=True)
    later = replace(made, position=1, kind="classifier", problem="classifier", marks=False)
    assert same(later) == same(made)
