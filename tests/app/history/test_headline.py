"""The headline of a review: what came of it, from what the runs said."""

from __future__ import annotations

from typing import Any

import pytest

from app.history.headline import Facts, gate_headline, headline
from app.sight import RunSummary
from tests.app.fakes import property_entry
from tests.app.history.made import gate


def run(
    number: int,
    *,
    bugs: str = "",
    criteria: bool = True,
    broken: int = 0,
    failure: dict[str, Any] | None = None,
    state: str = "done",
) -> RunSummary:
    """A run at so many minutes; `bugs` says of each slot f(ixed), b(roken) or blocked with a dot."""
    statuses = {"f": "fixed", "b": "broken", ".": "blocked"}
    outcome = "passed" if criteria and not broken and failure is None else "failed"
    verdict: dict[str, Any] = {
        "outcome": outcome,
        "criteria": None
        if failure
        else {
            "loss_drop": {"passed": criteria, "first": 3.0, "last": 0.1 if criteria else 3.0},
            "generation": {"passed": True, "expected": "text", "got": "text"},
        },
        "properties": [property_entry(f"broken{index}", "broken") for index in range(broken)]
        + [property_entry("runs", "held")],
        "bugs": [{"slot": slot, "status": statuses[letter]} for slot, letter in enumerate(bugs, start=1)],
        "notes": [],
        "failure": failure,
    }
    at = number * 60_000
    return RunSummary(
        id=f"r{number}",
        number=number,
        kind="run",
        state=state,
        created_at=at,
        started_at=at,
        finished_at=at,
        outcome=outcome if state == "done" else None,
        message=None,
        verdict=verdict if state == "done" else None,
    )


def said(*runs: RunSummary, **more: Any) -> tuple[str, str, str]:
    facts: dict[str, Any] = {
        "over": True,
        "hidden": False,
        "runs": runs,
        "edited_since": False,
        "right_but_unseen": False,
        "started_at": 0,
        "left_ms": None,
    }
    return headline(Facts(**{**facts, **more}))


@pytest.mark.parametrize(
    ("bugs", "words"),
    [
        ("fffb", "Three of four, and the loss lied."),
        ("bb.", "None of three, and the loss lied."),
        ("ff", "Both are fixed, and the loss lied."),
        ("fff", "All three are fixed, and the loss lied."),
        ("b", "The bug is alive, and the loss lied."),
        ("f", "The bug is fixed, and the loss lied."),
        ("", "The loss lied."),
    ],
)
def test_a_loss_that_lied_says_how_many_bugs_are_fixed(bugs: str, words: str) -> None:
    look, found, _sentence = said(run(1, bugs=bugs, broken=1))
    assert (look, found) == ("lied", words)


def test_criteria_that_stayed_green_are_told_from_when() -> None:
    _, _, sentence = said(
        run(1, bugs="bb", criteria=False, broken=1), run(2, bugs="fb", broken=2), run(3, bugs="fb", broken=1)
    )
    assert sentence.startswith("Both criteria passed at 2:00 and stayed green. 1 of 2 properties does not")


@pytest.mark.parametrize(
    ("broken", "end"),
    [(1, "does not hold: {0}."), (2, "do not hold: {0}; {0}."), (4, "do not hold: {0}; {0}; and 2 more.")],
)
def test_of_many_broken_properties_two_are_named_and_the_rest_counted(broken: int, end: str) -> None:
    assert said(run(1, broken=broken))[2].endswith(end.format("No position sees the future"))


def test_criteria_that_were_lost_in_between_count_from_their_return() -> None:
    runs = run(1, broken=1), run(2, criteria=False, broken=1), run(3, broken=1)
    assert "passed at 3:00. " in said(*runs)[2]


def test_a_criterion_that_failed_stands_in_the_headline() -> None:
    look, found, sentence = said(run(1, bugs="fb", criteria=False, broken=3))
    assert (look, found) == ("failed", "One of two. The loss did not fall.")
    assert "3.00 → 3.00" in sentence
    assert "3 of 4 properties do not hold" in sentence


def test_a_crash_names_its_line() -> None:
    failure = {"kind": "exception", "message": "ValueError: no", "line": 72}
    assert said(run(1, bugs="bb", failure=failure))[:2] == ("stopped", "None of two. It stopped on line 72.")


def test_a_pass_counts_the_time_to_spare_only_where_there_was_a_clock() -> None:
    assert said(run(1, bugs="f"))[2] == "Both criteria and 1 property. 1 run."
    assert said(run(1, bugs="f"), left_ms=90_000)[2].endswith("1 run, 1:30 to spare.")


def test_a_right_draft_after_a_failing_run_is_right_but_unseen() -> None:
    broken = run(1, bugs="b", broken=1)
    assert said(broken, right_but_unseen=True, edited_since=True)[0] == "unseen"
    assert said(broken, right_but_unseen=True)[0] == "lied"


def test_runs_that_came_to_no_verdict_are_said_to_be_so() -> None:
    assert said(run(1, state="interrupted"))[1] == "Nothing was judged."
    assert said()[1] == "Nothing was run."
    assert said(over=False)[1] == "Not run yet."


def test_a_gate_says_how_much_of_what_counts_was_derived() -> None:
    assert gate_headline(gate(0), over=False, opens_more=True) == (
        "none",
        "Being derived.",
        "0 of 6 costs derived so far.",
    )
    assert gate_headline(gate(0, answered=False), over=True, opens_more=True)[:2] == (
        "none",
        "Nothing was derived.",
    )
    assert gate_headline(gate(0), over=True, opens_more=True)[:2] == (
        "failed",
        "None of four that count derived.",
    )
    assert gate_headline(gate(5, more=10), over=True, opens_more=True) == (
        "passed",
        "All four that count are derived.",
        "10 more minutes for what follows. 5 of 6 costs derived.",
    )
