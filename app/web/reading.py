"""Reads a verdict for a person: a headline, what the interviewer saw, what is true, in that order.

The one place where a verdict becomes words: the workspace, the review and the history all speak through it.
It states what the program does and how much; it never says what to change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from app.web.parity_table import ParityTable, parity_table
from app.web.pictures import Picture, pictures
from app.web.words import count, loss, plural, sentence_case

SHOWN = 5  # broken properties at once; the rest are folded
UNTRIED = "not tried, the program did not get that far"
Sign = Literal["pass", "fail", "blocked"]
SIGN: dict[str, Sign] = {"fixed": "pass", "broken": "fail", "blocked": "blocked"}
BUG_WORD = {"fixed": "fixed", "broken": "alive", "blocked": "can't be told yet"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One line of either column."""

    sign: Sign
    title: str
    where: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A verdict, said."""

    look: Literal["passed", "lied", "failed", "stopped", "error"]
    headline: str
    sentence: str
    saw: tuple[Fact, ...] = ()
    saw_passed: int = 0
    broken: tuple[Fact, ...] = ()
    more: tuple[Fact, ...] = ()
    blocked: tuple[Fact, ...] = ()
    held: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()
    held_of: tuple[int, int] = (0, 0)
    slots: tuple[Fact, ...] = ()
    slots_words: str = ""
    notes: tuple[str, ...] = ()
    failure: Mapping[str, Any] | None = None
    pictures: tuple[Picture, ...] = ()
    parity: ParityTable | None = None


def read_verdict(verdict: Mapping[str, Any] | None, *, message: str | None = None) -> Reading:
    """The reading of a run that has ended; without a verdict it was our fault, or was stopped."""
    if verdict is None or verdict["outcome"] == "error":
        words = message or "The examination broke off."
        return Reading(
            look="error",
            headline="We could not judge this.",
            sentence=f"{words.rstrip('.')}. Nothing was counted; your draft is safe.",
        )
    properties = verdict["properties"]
    by_status = {
        status: [p for p in properties if p["status"] == status]
        for status in ("held", "broken", "blocked", "not_seen", "not_applicable")
    }
    saw = _saw(verdict.get("criteria") or {}, stopped=bool(verdict.get("failure")))
    look, headline, sentence = _headline(verdict, saw, by_status)
    told = {"runs"} if verdict.get("failure") else set()  # the failure itself says that it doesn't run
    broken = tuple(_fact(p, sign="fail") for p in by_status["broken"] if p["name"] not in told)
    tried = len(by_status["held"]) + len(by_status["broken"]) + len(by_status["blocked"])
    return Reading(
        look=look,
        headline=headline,
        sentence=sentence,
        saw=saw,
        saw_passed=sum(fact.sign == "pass" for fact in saw),
        broken=broken[:SHOWN],
        more=broken[SHOWN:],
        blocked=tuple(_fact(p, sign="blocked") for p in by_status["blocked"]),
        held=tuple(p["title"] for p in by_status["held"]),
        unseen=tuple(p["title"] for p in by_status["not_seen"]),
        held_of=(len(by_status["held"]), tried),
        slots=tuple(_slot(bug) for bug in verdict["bugs"]),
        slots_words=_slots_words(verdict["bugs"]),
        notes=tuple(note["text"] for note in verdict.get("notes", ())),
        failure=verdict.get("failure"),
        pictures=pictures(properties),
        parity=parity_table(properties),
    )


def _headline(
    verdict: Mapping[str, Any], saw: Sequence[Fact], by_status: Mapping[str, Sequence[Mapping[str, Any]]]
) -> tuple[Literal["passed", "lied", "failed", "stopped"], str, str]:
    broken, blocked, held = (len(by_status[status]) for status in ("broken", "blocked", "held"))
    if verdict["outcome"] == "passed":
        return "passed", "All of it holds.", f"Both criteria and {plural(held, 'property', 'properties')}."
    failure = verdict.get("failure")
    if failure:
        return "stopped", _stopped(failure), failure["message"]
    if saw and all(fact.sign == "pass" for fact in saw):
        unequal = any(entry["name"].startswith("parity_") for entry in by_status["broken"])
        words = "Equal text, unequal logits." if unequal else "The loss lied."
        return "lied", words, _lied(broken, blocked, verdict["bugs"])
    missed = next((fact for fact in saw if fact.sign != "pass"), None)
    what = f"{missed.title}{f': {missed.detail}' if missed.detail else ''}." if missed else ""
    rest = _untried(blocked) if blocked else ""
    return "failed", "Not yet.", " ".join(part for part in (what, rest) if part)


def _stopped(failure: Mapping[str, Any]) -> str:
    line = failure.get("line")
    kind = failure["kind"]
    if kind == "syntax" and line:
        return f"Python can't read line {line}."
    if kind in ("exception", "import") and line:
        return f"It stopped on line {line}."
    return {
        "contract": "A name is missing or has another form.",
        "timeout": "It ran out of time.",
        "memory": "It ran out of memory.",
        "output": "It printed more than is kept.",
        "killed": "It was killed.",
    }.get(kind, "It stopped.")


def _lied(broken: int, blocked: int, bugs: Sequence[Mapping[str, Any]]) -> str:
    alive = sum(bug["status"] == "broken" for bug in bugs)
    noun = "property is" if broken == 1 else "properties are"
    said = f"Both criteria pass. {sentence_case(count(broken))} {noun} still broken"
    if not broken:
        return f"Both criteria pass. {_untried(blocked)}"
    if alive and len(bugs) > 1:
        return f"{said}, and {alive} of {len(bugs)} bugs {'is' if alive == 1 else 'are'} alive."
    return f"{said}."


def _untried(blocked: int) -> str:
    noun = "property" if blocked == 1 else "properties"
    return f"{sentence_case(count(blocked))} {noun} could not be tried."


def _saw(criteria: Mapping[str, Any], *, stopped: bool) -> tuple[Fact, ...]:
    """The interviewer's two, as he reads them off the program."""
    if not criteria:
        return ()
    fell = criteria["loss_drop"]
    if stopped and not fell["passed"] and not fell.get("steps"):  # then the other was not tried either
        other = "Unseen texts" if "accuracy" in criteria else "The sentence"
        return tuple(Fact(sign="blocked", title=title, detail=UNTRIED) for title in ("The loss", other))
    numbers = "" if fell["first"] is None else f"{loss(fell['first'])} → {loss(fell['last'])}"
    steps = f" in {fell['steps']} steps" if numbers and fell.get("steps") else ""
    return (
        Fact(
            sign="pass" if fell["passed"] else "fail",
            title="The loss fell" if fell["passed"] else "The loss did not fall",
            detail=f"{numbers}{steps}",
        ),
        _classified(criteria["accuracy"]) if "accuracy" in criteria else _wrote(criteria["generation"]),
    )


def _wrote(came: Mapping[str, Any]) -> Fact:
    return Fact(
        sign="pass" if came["passed"] else "fail",
        title="The sentence came out" if came["passed"] else "The sentence did not come out",
        detail=_generated(came),
    )


def _classified(accuracy: Mapping[str, Any]) -> Fact:
    measured, expected = accuracy["measured"], accuracy["expected"]
    return Fact(
        sign="pass" if accuracy["passed"] else "fail",
        title="Unseen texts are told apart" if accuracy["passed"] else "Unseen texts are not told apart",
        detail="" if measured is None else f"{measured:.1%} of them right, {expected:.0%} asked for",
    )


def _generated(came: Mapping[str, Any]) -> str:
    expected, got = came["expected"], came["got"]
    if came["passed"]:
        return f"all {len(expected)} characters, from the first eight"
    if got is None:
        return ""
    return f"it wrote “{got if len(got) <= 80 else got[:79] + '…'}”"


def _fact(found: Mapping[str, Any], *, sign: Literal["fail", "blocked"]) -> Fact:
    return Fact(sign=sign, title=found["title"], where=found["component"], detail=found["detail"])


def _slot(bug: Mapping[str, Any]) -> Fact:
    return Fact(sign=SIGN[bug["status"]], title=f"Bug {bug['slot']}: {BUG_WORD[bug['status']]}")


def _slots_words(bugs: Sequence[Mapping[str, Any]]) -> str:
    tally = {status: sum(bug["status"] == status for bug in bugs) for status in BUG_WORD}
    return ", ".join(f"{number} {BUG_WORD[status]}" for status, number in tally.items() if number)
