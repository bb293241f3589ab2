"""What a verdict must say for a claim of a pack to hold, and what is said where it does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.catalog import Patch

Verdict = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What there is to say of a verdict: complaints, and statuses by how right they are."""

    complaints: tuple[str, ...] = ()
    statuses: Mapping[str, int] = field(default_factory=dict)  # right | untold | wrong


def must_pass(verdict: Verdict) -> Judgement:
    complaints = [
        f"{entry['name']} is {entry['status']}: {entry['detail']}"
        for entry in verdict["properties"]
        if entry["status"] in ("broken", "blocked")
    ]
    if verdict["failure"]:
        complaints.insert(0, verdict["failure"]["message"])
    complaints += [f"{name} is not met" for name, met in criteria_met(verdict).items() if not met]
    if verdict["outcome"] == "passed":
        return Judgement()
    return Judgement(complaints=tuple(complaints) or (f"its outcome is {verdict['outcome']}",))


def must_be_unsolved(verdict: Verdict) -> Judgement:
    """A start is a file of the contract, and what it lacks is for the candidate to write."""
    failure = verdict["failure"]
    if failure and failure["kind"] in ("syntax", "import", "contract"):
        return Judgement(complaints=(failure["message"],))
    return Judgement(complaints=("it passed",)) if verdict["outcome"] == "passed" else Judgement()


def must_be_caught(verdict: Verdict, *, patch: Patch) -> Judgement:
    statuses = {entry["name"]: entry["status"] for entry in verdict["properties"]}
    complaints = [
        f"{name} is {statuses.get(name, 'not a property')}, not broken"
        for name in patch.properties
        if statuses.get(name) != "broken"
    ]
    status = verdict["bugs"][0]["status"]
    if status != "broken":
        complaints.append(f"its status is {status}, not broken")
    return Judgement(complaints=(*complaints, *_symptom_complaints(verdict, patch.symptom)))


def _symptom_complaints(verdict: Verdict, symptom: str) -> list[str]:
    met = criteria_met(verdict)
    raised = verdict["failure"] is not None
    last = verdict["criteria"]["loss_drop"]["last"]
    shown = {
        "crash": raised,
        "nan": last is None and verdict["criteria"]["loss_drop"]["steps"] > 0,
        "flat": not raised and last is not None and not met["loss_drop"],
        "text": met["loss_drop"] and not all(met.values()),
        "criteria_pass": all(met.values()),
        "varies": True,
    }
    return [] if shown[symptom] else [f"its symptom is not `{symptom}`: criteria {met}, last loss {last}"]


def caught_by(name: str) -> Callable[[Verdict], Judgement]:
    def judge(verdict: Verdict) -> Judgement:
        statuses = {entry["name"]: entry["status"] for entry in verdict["properties"]}
        if verdict["outcome"] == "failed" and statuses.get(name) == "broken":
            return Judgement()
        caught = [entry for entry, status in statuses.items() if status == "broken"]
        return Judgement(
            complaints=(f"{name} is {statuses.get(name, 'not a property')}; broken: {', '.join(caught)}",)
        )

    return judge


def must_tell_right(verdict: Verdict, *, alive: frozenset[str]) -> Judgement:
    tally = {"right": 0, "untold": 0, "wrong": 0}
    complaints = []
    for entry in verdict["bugs"]:
        truth = "broken" if entry["id"] in alive else "fixed"
        if entry["status"] == "blocked":
            tally["untold"] += 1
        elif entry["status"] == truth:
            tally["right"] += 1
        else:
            tally["wrong"] += 1
            complaints.append(f"{entry['id']} is {truth}, and was judged {entry['status']}")
    if verdict["outcome"] == "passed":
        complaints.append(f"it passed with {len(alive)} alive")
    return Judgement(complaints=tuple(complaints), statuses=tally)


def criteria_met(verdict: Verdict) -> dict[str, bool]:
    """Which of the interviewer's two a verdict says are met."""
    return {name: criterion["passed"] for name, criterion in verdict["criteria"].items()}


def must_not_tell_fixed(verdict: Verdict, *, bug: str) -> Judgement:
    """A wrong repair took the place of a bug."""
    tally = {"right": 0, "untold": 0, "wrong": 0}
    complaints = []
    status = next(entry["status"] for entry in verdict["bugs"] if entry["id"] == bug)
    tally[{"broken": "right", "blocked": "untold", "fixed": "wrong"}[status]] += 1
    if status == "fixed":
        complaints.append(f"{bug} was judged fixed")
    if verdict["outcome"] == "passed":
        complaints.append("it passed")
    return Judgement(complaints=tuple(complaints), statuses=tally)
