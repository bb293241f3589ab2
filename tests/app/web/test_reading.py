"""A verdict in words: what the interviewer saw, what is true, and never what to change."""

from __future__ import annotations

from typing import Any

import pytest

from app.web.reading import SHOWN, read_verdict

CRITERIA: dict[str, dict[str, Any]] = {
    "loss_drop": {"passed": True, "first": 3.01, "last": 0.0072, "steps": 60},
    "generation": {"passed": True, "expected": "warm up", "got": "warm up"},
}


def entry(name: str, status: str) -> dict[str, Any]:
    return {
        "name": name,
        "title": f"Title of {name}",
        "component": "attention",
        "status": status,
        "measured": None,
        "expected": None,
        "detail": f"Detail of {name}.",
        "data": {},
    }


def verdict(*, outcome: str = "failed", statuses: str = "", bugs: str = "", **changes: Any) -> dict[str, Any]:
    """`statuses` and `bugs` by first letters: h held, b broken, k blocked, n not seen; f fixed."""
    words = {"h": "held", "b": "broken", "k": "blocked", "n": "not_seen", "f": "fixed"}
    return {
        "outcome": outcome,
        "criteria": CRITERIA,
        "properties": [entry(f"p{i}", words[letter]) for i, letter in enumerate(statuses)],
        "bugs": [{"slot": i, "status": words[letter]} for i, letter in enumerate(bugs, start=1)],
        "notes": [],
        "failure": None,
        **changes,
    }


def failing(criterion: str) -> dict[str, Any]:
    return {**CRITERIA, criterion: {**CRITERIA[criterion], "passed": False, "got": "warm wa", "last": 3.0}}


def test_a_program_that_holds_is_said_to_hold() -> None:
    reading = read_verdict(verdict(outcome="passed", statuses="hhh"))
    assert (reading.look, reading.headline) == ("passed", "All of it holds.")
    assert reading.sentence == "Both criteria and 3 properties."
    assert reading.held_of == (3, 3)


def test_both_criteria_over_a_broken_property_are_a_lie_of_the_loss() -> None:
    reading = read_verdict(verdict(statuses="bbhk", bugs="bbf"))
    assert (reading.look, reading.headline) == ("lied", "The loss lied.")
    assert reading.sentence == (
        "Both criteria pass. Two properties are still broken, and 2 of 3 bugs are alive."
    )
    assert reading.saw_passed == 2
    assert reading.held_of == (1, 4)


def test_what_could_not_be_looked_at_counts_neither_way() -> None:
    reading = read_verdict(verdict(outcome="passed", statuses="hhn"))
    assert reading.held_of == (2, 2)
    assert reading.unseen == ("Title of p2",)


@pytest.mark.parametrize(
    ("criterion", "words"),
    [
        ("loss_drop", "The loss did not fall: 3.01 → 3.00 in 60 steps."),
        ("generation", "The sentence did not come out: it wrote “warm wa”."),
    ],
)
def test_a_missed_criterion_is_named_with_its_numbers(criterion: str, words: str) -> None:
    reading = read_verdict(verdict(statuses="hb", criteria=failing(criterion)))
    assert (reading.look, reading.headline, reading.sentence) == ("failed", "Not yet.", words)


@pytest.mark.parametrize(
    ("kind", "line", "headline"),
    [
        ("syntax", 12, "Python can't read line 12."),
        ("exception", 72, "It stopped on line 72."),
        ("exception", None, "It stopped."),
        ("contract", None, "A name is missing or has another form."),
        ("timeout", None, "It ran out of time."),
        ("memory", None, "It ran out of memory."),
        ("output", None, "It printed more than is kept."),
        ("killed", None, "It was killed."),
    ],
)
def test_each_kind_of_failure_has_its_headline(kind: str, line: int | None, headline: str) -> None:
    failure: dict[str, Any] = {"kind": kind, "message": "What happened.", "line": line, "traceback": []}
    reading = read_verdict(verdict(statuses="kk", failure=failure))
    assert (reading.look, reading.headline, reading.sentence) == ("stopped", headline, "What happened.")


@pytest.mark.parametrize("failed", [True, False])
def test_a_criterion_that_was_never_tried_is_not_called_missed(failed: bool) -> None:
    failure: dict[str, Any] = {"kind": "contract", "message": "What happened.", "line": None, "traceback": []}
    found = verdict(statuses="kk", failure=failure if failed else None)
    found["criteria"] = {
        "loss_drop": {"passed": False, "first": None, "last": None, "steps": 0},
        "generation": {"passed": False, "expected": "a warm wave", "got": None},
    }
    titles = (
        ["The loss", "The sentence"] if failed else ["The loss did not fall", "The sentence did not come out"]
    )
    reading = read_verdict(found)
    assert [fact.title for fact in reading.saw] == titles
    assert {fact.sign for fact in reading.saw} == {"blocked" if failed else "fail"}


def test_a_failure_is_told_once_and_not_again_as_a_property() -> None:
    failure = {"kind": "exception", "message": "What happened.", "line": 3, "traceback": ()}
    found = verdict(failure=failure)
    found["properties"] = [entry("runs", "broken"), entry("causal", "blocked")]
    reading = read_verdict(found)
    assert reading.broken == ()
    assert reading.held_of == (0, 2)


def test_our_fault_is_said_to_be_ours() -> None:
    for given in (None, verdict(outcome="error")):
        reading = read_verdict(given, message="The worker went away.")
        assert (reading.look, reading.headline) == ("error", "We could not judge this.")
        assert reading.sentence == "The worker went away. Nothing was counted; your draft is safe."


def test_more_than_five_broken_properties_are_folded() -> None:
    reading = read_verdict(verdict(statuses="b" * 8))
    assert (len(reading.broken), len(reading.more)) == (SHOWN, 3)


def test_slots_carry_numbers_and_no_names() -> None:
    reading = read_verdict(verdict(statuses="b", bugs="fbk"))
    assert [slot.title for slot in reading.slots] == [
        "Bug 1: fixed",
        "Bug 2: alive",
        "Bug 3: can't be told yet",
    ]
    assert reading.slots_words == "1 fixed, 1 alive, 1 can't be told yet"


def test_a_classifier_is_read_by_what_it_tells_apart() -> None:
    accuracy = {"passed": False, "measured": 0.412, "expected": 0.8}
    criteria = {"loss_drop": CRITERIA["loss_drop"], "accuracy": accuracy}
    reading = read_verdict(verdict(statuses="b", criteria=criteria))
    assert reading.saw_passed == 1
    assert reading.saw[1].title == "Unseen texts are not told apart"
    assert reading.saw[1].detail == "41.2% of them right, 80% asked for"
