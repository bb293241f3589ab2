"""What proving a pack consists of: programs, each with what its verdict must say."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from app.catalog import (
    Catalog,
    Material,
    Patch,
    Problem,
    Variant,
    choose,
    compose,
    draw,
    material,
    own_sentence,
    plain_material,
)
from app.catalog.fields import broken, read_text
from app.commands.rewriting import rewritten, with_other_locals

DRAWN = 10  # variants of each tier, unless more are asked for
WHOLE = 2  # sentences of a shape on which all its properties are looked at, and not its learning alone
CATEGORY = re.compile(r"# category: (\S.*)\n")
CAUGHT_BY = re.compile(r"# (?:property|caught by): ([a-z_]+)")

Verdict = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What there is to say of a verdict: complaints, and statuses by how right they are."""

    complaints: tuple[str, ...] = ()
    statuses: Mapping[str, int] = field(default_factory=dict)  # right | untold | wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One program to examine, and the judge of its verdict."""

    kind: str  # shape | bug | valid | copy | wrong | variant | reworded
    name: str
    group: str = ""  # what a table of them is grouped by
    source: str
    material: Material
    judge: Callable[[Verdict], Judgement]
    only: tuple[str, ...] = ()  # properties that the claim is about; empty: all


def trials(catalog: Catalog, problem: Problem, folder: Path, *, drawn: int = DRAWN) -> Iterator[Trial]:
    """Every trial of a problem, with `drawn` variants of each tier.

    Raises SetupError for a program whose first line does not say what it is.
    """
    yield from _shapes(problem)
    yield from bug_trials(problem, list(problem.bugs))
    yield from _programs(problem, folder / "valid", kind="valid")
    yield from _programs(problem, folder / "wrong", kind="wrong")
    for tier in catalog.tiers:
        if len(catalog.tiers[tier].picks) > 1:  # one bug at a time is proven already
            yield from _variants(catalog, problem, tier, drawn=drawn)


def _shapes(problem: Problem) -> Iterator[Trial]:
    for name in problem.shapes:
        for number, sentence in enumerate(problem.sentences.values()):
            given = plain_material(problem, sentence=sentence, shape=name)
            yield Trial(
                kind="shape",
                name=f"{name}, “{sentence}”",
                source=given.shape,
                material=given,
                judge=_must_pass,
                only=() if number < WHOLE else ("loss_falls",),
            )


def bug_trials(problem: Problem, bugs: Collection[str]) -> Iterator[Trial]:
    """Each of these bugs alone, in every shape that it fits."""
    for number, bug in enumerate(problem.bugs.values()):
        if bug.id not in bugs:
            continue
        for shape in bug.patches:
            variant = choose(problem, bugs=[bug.id], seed=number, shape=shape)
            starter = compose(problem, variant)
            given = material(problem, starter)
            if not _restores(starter.source, given):
                raise broken(bug.id, "taking the patch out does not give the clean shape back")
            yield Trial(
                kind="bug",
                name=f"{bug.id}, {shape}",
                group=bug.family,
                source=starter.source,
                material=given,
                judge=partial(_must_be_caught, patch=bug.patches[shape]),
                only=bug.patches[shape].properties,
            )


def _programs(problem: Problem, folder: Path, *, kind: str) -> Iterator[Trial]:
    first = next(iter(problem.sentences.values()))
    for path in sorted(folder.glob("*.py")):
        source = read_text(path)
        pattern = CATEGORY if kind == "valid" else CAUGHT_BY
        found = pattern.match(source)
        if found is None:
            raise broken(str(path), f"line 1 must match {pattern.pattern!r}")
        given = plain_material(problem, sentence=own_sentence(source) or first)
        judge = _must_pass if kind == "valid" else _caught_by(found[1])
        yield Trial(kind=kind, name=path.stem, source=source, material=given, judge=judge)
        if kind == "valid":
            copied = rewritten(source)
            yield Trial(kind="copy", name=path.stem, source=copied, material=given, judge=judge)


def _variants(catalog: Catalog, problem: Problem, tier: str, *, drawn: int) -> Iterator[Trial]:
    """Drawn variants, their bugs taken out one after the other in random order.

    In every third one the repairs are worded otherwise than the clean shape, so that no text tells of them.
    """
    had: list[Variant] = []
    for seed in range(drawn):
        variant = draw(catalog, problem=problem.slug, tier=tier, seed=seed, avoid=had)
        if variant.puzzle in {one.puzzle for one in had}:
            return  # a small pack has fewer
        had.append(variant)
        given = material(problem, compose(problem, variant))
        order = random.Random(seed).sample(variant.bugs, len(variant.bugs))
        for fixed in range(len(order)):
            alive = frozenset(order[fixed:])
            left = replace(variant, bugs=tuple(bug for bug in variant.bugs if bug in alive))
            source = compose(problem, left).source
            reworded = seed % 3 == 2
            if reworded:
                marks = {problem.bugs[bug].patches[variant.shape].mark for bug in order[:fixed]}
                source = with_other_locals(source, marks)
            yield Trial(
                kind="reworded" if reworded else "variant",
                name=f"{tier} {seed}, {fixed} of {len(order)} fixed: {', '.join(sorted(alive))}",
                source=source,
                material=given,
                judge=partial(_must_tell_right, alive=alive),
            )


def _must_pass(verdict: Verdict) -> Judgement:
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


def _must_be_caught(verdict: Verdict, *, patch: Patch) -> Judgement:
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
        "text": met["loss_drop"] and not met["generation"],
        "criteria_pass": all(met.values()),
        "varies": True,
    }
    return [] if shown[symptom] else [f"its symptom is not `{symptom}`: criteria {met}, last loss {last}"]


def _caught_by(name: str) -> Callable[[Verdict], Judgement]:
    def judge(verdict: Verdict) -> Judgement:
        statuses = {entry["name"]: entry["status"] for entry in verdict["properties"]}
        if verdict["outcome"] == "failed" and statuses.get(name) == "broken":
            return Judgement()
        caught = [entry for entry, status in statuses.items() if status == "broken"]
        return Judgement(
            complaints=(f"{name} is {statuses.get(name, 'not a property')}; broken: {', '.join(caught)}",)
        )

    return judge


def _must_tell_right(verdict: Verdict, *, alive: frozenset[str]) -> Judgement:
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


def _restores(source: str, given: Material) -> bool:
    """Whether the clean shape comes back when the one bug's lines are put back where they stand."""
    bug, clean = given.bugs[0], given.shape.rstrip("\n")
    lines = source.splitlines()
    bugged = "\n".join(line for line in lines if not line.strip().startswith("# marked:"))
    places = [match.start() for match in re.finditer(f"(?={re.escape(bug.replace)})", bugged)]
    return any(bugged[:at] + bug.find + bugged[at + len(bug.replace) :] == clean for at in places)
