"""What the ways to lose and to pass say: where they apply, with their number, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from app.history.lanes import Lane
from app.history.views import Budget, Debrief, Review, Sentence, Tally, Verified
from app.history.watch import Work
from app.history.ways import ways
from app.sight import RunSummary
from tests.app.history.made import MINUTE, review, run, times


def judged(
    number: int, minute: float, *, broken: tuple[str, ...] = (), notes: tuple[str, ...] = ()
) -> RunSummary:
    entries = [{"name": name, "title": name, "status": "broken"} for name in broken]
    verdict = {
        "outcome": "failed" if broken else "passed",
        "criteria": {"loss_drop": {"passed": True}, "generation": {"passed": True}},
        "properties": [*entries, {"name": "runs", "title": "It runs", "status": "held"}],
        "bugs": [],
        "notes": [{"name": name, "text": ""} for name in notes],
    }
    return replace(run(number, int(minute * MINUTE)), verdict=verdict)


def bug(slot: int, family: str) -> Debrief:
    words = dict.fromkeys(
        ("id", "title", "component", "mechanism", "why", "clean", "bugged", "debrief_html", "source"), ""
    )
    return Debrief(slot=slot, family=family, line=1, yours=[], **words)


def lane(slot: int, *, seen: float | None) -> Lane:
    at = None if seen is None else int(seen * MINUTE)
    now: Any = "broken" if seen is None else "seen"
    return Lane(slot=slot, spans=(), fixed_ms=at, seen_ms=at, now=now)


def tally(slot: int, *, spent: float = 0, touched: float | None = None) -> Tally:
    at = None if touched is None else int(touched * MINUTE)
    return Tally(slot=slot, runs=1, hints=0, cost_minutes=0, spent_ms=int(spent * MINUTE), touched_ms=at)


def said(made: Review, source: str = "") -> list[tuple[bool, str]]:
    return [(way.passed, way.words) for way in ways(made, source=source)]


def only(made: Review, source: str = "") -> str:
    ((_passed, words),) = said(made, source)
    return words


HOUR = review(total_ms=60 * MINUTE)


def test_of_an_hour_without_anything_nothing_is_said() -> None:
    assert said(HOUR) == []


def test_an_edit_that_no_run_followed_is_told_with_the_time_that_was_left() -> None:
    made = replace(
        review(total_ms=59 * MINUTE),
        runs=[run(1, 30 * MINUTE)],
        times=times(last_edit_ms=58 * MINUTE, total_ms=59 * MINUTE),
    )
    assert only(made) == (
        "The last edit came at 58:00, with 1:00 left, and no run followed: what it changed was never seen."
    )
    assert said(replace(made, over=False)) == []
    assert said(replace(made, runs=[run(1, 58 * MINUTE)])) == []


def test_a_loss_that_lied_is_told_from_when_on() -> None:
    runs = [judged(1, 30, broken=("causal", "prefix")), judged(2, 40, broken=("causal",))]
    assert only(replace(HOUR, look="lied", runs=runs)) == (
        "Both criteria passed at 30:00 while 1 of 2 properties did not hold: the loss lied."
    )


@pytest.mark.parametrize(
    ("places", "words"),
    [
        ({"": 4, "generate": 2}, "6:00 went to code that the marks had cleared, 4:00 of it to the driver."),
        ({"generate": 3}, "3:00 went to code that the marks had cleared, all of it to `generate`."),
    ],
)
def test_time_in_unmarked_code_is_told_with_its_place(places: dict[str, int], words: str) -> None:
    spent = {place: minutes * MINUTE for place, minutes in places.items()}
    work = Work(elsewhere_ms=sum(spent.values()), elsewhere_in=spent)
    made = replace(HOUR, times=times(work=work, total_ms=60 * MINUTE))
    assert only(made) == words
    assert said(replace(made, where="bugs")) == []


def test_positions_that_were_replaced_are_told_with_their_minutes() -> None:
    made = replace(
        HOUR,
        runs=[judged(1, 40, notes=("positions_formula",))],
        bugs=[bug(1, "position")],
        tallies=[tally(1, spent=19)],
    )
    assert only(made) == (
        "You spent 19 minutes replacing the learned positions; one line of initialisation was meant."
    )
    assert said(replace(made, runs=[judged(1, 40)])) == []


def test_a_shift_that_was_edited_and_does_not_hold_is_told() -> None:
    made = replace(HOUR, bugs=[bug(1, "shift")], lanes=[lane(1, seen=None)], tallies=[tally(1, touched=14)])
    assert only(made).startswith("The labels' shift was edited at 14:00 and does not hold yet")
    assert said(replace(made, tallies=[tally(1)])) == []
    assert not any("shift" in words for _, words in said(replace(made, lanes=[lane(1, seen=20)])))


def test_backward_without_step_is_read_off_the_code_and_off_the_verdict() -> None:
    made = replace(HOUR, runs=[judged(3, 40, broken=("parameters_move",))])
    assert only(made, "loss.backward()").startswith("Run 3 called backward() and never step()")
    assert said(made, "loss.backward()\nopt.step()") == []
    assert said(replace(HOUR, runs=[judged(3, 40, broken=("causal",))]), "loss.backward()") == []


def test_a_mask_that_is_multiplied_in_is_told_by_its_line_where_the_future_is_seen() -> None:
    source = "x = 1\natt = att * mask\n"
    assert only(replace(HOUR, runs=[judged(1, 9, broken=("causal",))]), source).startswith(
        "Line 2 multiplies"
    )
    assert said(replace(HOUR, runs=[judged(1, 9, broken=("prefix",))]), source) == []


def test_runs_over_the_budget_are_told_with_their_waiting() -> None:
    made = replace(
        HOUR, budget=Budget(runs=6, of=4), times=times(waiting_ms=5 * MINUTE, total_ms=60 * MINUTE)
    )
    assert only(made) == "6 runs against a budget of 4, 2 over, 5:00 of waiting."


def test_a_run_for_each_fix_is_told_and_so_is_a_batch() -> None:
    runs = [run(number, number * 10 * MINUTE) for number in (1, 2, 3)]
    apart = replace(HOUR, runs=runs, lanes=[lane(slot, seen=slot * 10) for slot in (1, 2, 3)])
    assert only(apart) == "Each of 3 fixes had a run of its own: 3 runs."
    together = replace(HOUR, runs=runs, lanes=[lane(slot, seen=20) for slot in (1, 2, 3)])
    assert said(together) == [(True, "Run 2 showed 3 fixes at once.")]


def test_what_carried_an_hour_is_told_as_well() -> None:
    sentences = [Sentence(id="", at_ms=0, text="Because.", slot=slot, marks=None) for slot in (1, 2)]
    work = Work(marked_ms=10 * MINUTE)
    made = replace(
        review(total_ms=40 * MINUTE),
        look="passed",
        runs=[judged(1, 30)],
        lanes=[lane(1, seen=30), lane(2, seen=30)],
        ledger=sentences,
        verified=Verified(run=1, at_ms=30 * MINUTE),
        times=times(work=work, total_ms=40 * MINUTE),
    )
    assert said(made) == [
        (True, "Run 1 showed 2 fixes at once."),
        (True, "Run 1 showed both criteria on the last draft at 30:00, with 20:00 left at the end."),
        (True, "Both fixes have a sentence of why."),
        (True, "1 run showed all of it."),
        (True, "10:00 of 10:00 of editing went to marked code."),
    ]
    assert (True, "Both fixes have a sentence of why.") not in said(replace(made, ledger=sentences[:1]))
