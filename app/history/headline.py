"""The two sentences that a review opens with: what came of it, and the number that it stands on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from app.complexity.service import Gate
from app.sight import RunSummary
from app.web.reading import Reading, read_verdict
from app.web.words import clock, count, plural, sentence_case

Look = Literal["hidden", "none", "unseen", "passed", "lied", "failed", "stopped"]
NAMED = 2  # broken properties that the sentence names; the list has them all


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the sentences are made from."""

    over: bool  # the stage
    hidden: bool  # the verdict is not to be seen yet
    runs: Sequence[RunSummary]
    edited_since: bool  # the last draft is not what the last run ran
    right_but_unseen: bool  # the last draft is the clean program
    started_at: int
    left_ms: int | None


def headline(facts: Facts) -> tuple[Look, str, str]:
    """How it looks, the headline, the sentence under it."""
    judged = [run for run in facts.runs if run.verdict is not None and run.verdict["outcome"] != "error"]
    if facts.hidden:
        return (
            "hidden",
            "Still going on.",
            "In a mock the verdict of a stage opens when you are done with it.",
        )
    last = judged[-1] if judged else None
    if facts.right_but_unseen and (last is None or (facts.edited_since and last.outcome != "passed")):
        return "unseen", "Right, but unseen.", "Everything holds in the last draft. No run showed it."
    if last is None:
        return _nothing_judged(facts)
    reading = read_verdict(last.verdict)
    if reading.look == "passed":
        return "passed", *_passed(facts, reading, last)
    fixed = _fixed_of(last)
    if reading.look == "lied":
        words = f"{_lead(*fixed)}, and the loss lied." if fixed[1] else reading.headline
        return "lied", words, _lied(facts, judged, reading)
    if reading.look == "stopped":
        return "stopped", f"{_lead(*fixed)}. {reading.headline}", reading.sentence
    missed = next(fact for fact in reading.saw if fact.sign != "pass")
    return "failed", f"{_lead(*fixed)}. {missed.title}.", _failed(reading)


def gate_headline(gate: Gate, *, over: bool, opens_more: bool) -> tuple[Look, str, str]:
    """The same for a stage in which costs are derived: nothing there is hidden, and nothing is run."""
    core = [one for one in gate.questions if one.core]
    right = sum(bool(one.right) for one in core)
    derived = sum(bool(one.right) for one in gate.questions)
    of_all = f"{derived} of {plural(len(gate.questions), 'cost')} derived"
    if gate.passed:
        minutes = plural(gate.extra_minutes, "more minute", "more minutes")
        more = f"{minutes} for what follows. " if gate.extra_minutes else ""
        return "passed", f"All {count(len(core))} that count are derived.", f"{more}{of_all}."
    if not over:
        return "none", "Being derived.", f"{of_all} so far."
    if not any(one.answers for one in gate.questions):
        return "none", "Nothing was derived.", f"None of {plural(len(gate.questions), 'cost')} was answered."
    words = sentence_case(f"{count(right) if right else 'none'} of {count(len(core))} that count derived.")
    more = f"; who derives those {count(len(core))} gets more time" if opens_more else ""
    return "failed", words, f"{of_all}{more}."


def _nothing_judged(facts: Facts) -> tuple[Look, str, str]:
    if facts.runs:
        asked = plural(len(facts.runs), "run was", "runs were")
        return "none", "Nothing was judged.", f"{asked} asked for; none of them came to a verdict."
    if not facts.over:
        return "none", "Not run yet.", "The first run tells how much holds."
    return "none", "Nothing was run.", "The draft is kept as it was left. No run shows what holds in it."


def _passed(facts: Facts, reading: Reading, last: RunSummary) -> tuple[str, str]:
    held, _tried = reading.held_of
    stood = f"Both criteria and {plural(held, 'property', 'properties')}. {plural(len(facts.runs), 'run')}"
    if facts.edited_since:
        unseen = f"what came after run {last.number} was never run"
        return "All of it held, then it was edited.", f"{stood}; {unseen}."
    spare = facts.left_ms is not None and facts.left_ms > 0
    return "All of it holds.", f"{stood}, {clock(facts.left_ms or 0)} to spare." if spare else f"{stood}."


def _lied(facts: Facts, judged: Sequence[RunSummary], reading: Reading) -> str:
    since = len(judged)
    while since and _met(judged[since - 1]):
        since -= 1
    first = judged[since]
    at = clock((first.finished_at or first.created_at) - facts.started_at)
    stayed = " and stayed green" if first is not judged[-1] else ""
    return f"Both criteria passed at {at}{stayed}. {_broken(reading)}"


def _broken(reading: Reading) -> str:
    """How much does not hold, and what of it comes first."""
    _held, tried = reading.held_of
    broken = [fact.title for fact in (*reading.broken, *reading.more)]
    if not broken:
        return f"{len(reading.blocked)} of {tried} properties could not be tried."
    verb = "does" if len(broken) == 1 else "do"
    named = "; ".join(broken[:NAMED])
    if len(broken) > NAMED:
        named += f"; and {len(broken) - NAMED} more"
    return f"{len(broken)} of {tried} properties {verb} not hold: {named}."


def _failed(reading: Reading) -> str:
    missed = [f"{fact.title}: {fact.detail}" for fact in reading.saw if fact.sign != "pass" and fact.detail]
    return " ".join([*(f"{one}." for one in missed[:1]), _broken(reading)])


def _fixed_of(run: RunSummary) -> tuple[int, int]:
    bugs = (run.verdict or {}).get("bugs", [])
    return sum(bug["status"] == "fixed" for bug in bugs), len(bugs)


def _lead(fixed: int, of: int) -> str:
    """Three of four; without bugs that the run could tell apart, just that it is not done."""
    if of == 0:
        return "Not yet"
    if of == 1:
        return "The bug is fixed" if fixed else "The bug is alive"
    if fixed == of:
        return "Both are fixed" if of == 2 else f"All {count(of)} are fixed"
    return sentence_case(f"{'none' if fixed == 0 else count(fixed)} of {count(of)}")


def _met(run: RunSummary) -> bool:
    criteria = ((run.verdict or {}).get("criteria") or {}).values()
    return bool(criteria) and all(one["passed"] for one in criteria)
