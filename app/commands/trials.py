"""What proving a pack consists of: programs, each with what its verdict must say."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path

from app.catalog import (
    Catalog,
    Material,
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
from app.commands.judgements import (
    Judgement,
    Verdict,
    caught_by,
    must_be_caught,
    must_be_unsolved,
    must_not_tell_fixed,
    must_pass,
    must_tell_right,
)
from app.commands.rewriting import rewritten, with_other_locals
from app.errors import BadInput

DRAWN, MANY = 4, 60  # variants of each tier, unless told otherwise; of a thorough proof
WHOLE = 2  # sentences of a shape on which all its properties are looked at, and not its learning alone
MISTAKES = 1  # wrong repairs of each place that is patched
CATEGORY = re.compile(r"# category: (\S.*)\n")
CAUGHT_BY = re.compile(r"# (?:property|caught by): ([a-z_]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One program to examine, and the judge of its verdict."""

    kind: str  # shape | start | bug | valid | copy | wrong | mistaken | variant | reworded
    name: str
    group: str = ""  # what a table of them is grouped by
    source: str
    material: Material
    judge: Callable[[Verdict], Judgement]
    only: tuple[str, ...] = ()  # properties that the claim is about; empty: all


def trials(
    catalog: Catalog, problem: Problem, folder: Path, *, drawn: int = DRAWN, thorough: bool = False
) -> Iterator[Trial]:
    """Every trial of a problem, with `drawn` variants of each tier.

    A thorough proof asks all of a wrong program too, and also judges what says the same in other words:
    copies of right programs, repairs, and wrong repairs. Raises SetupError for a program whose first line
    does not say what it is.
    """
    yield from _shapes(problem, thorough=thorough)
    yield from _starts(problem)
    yield from bug_trials(problem, list(problem.bugs))
    yield from _programs(problem, folder / "valid", kind="valid", copies=thorough)
    yield from _programs(problem, folder / "wrong", kind="wrong", whole=thorough)
    if thorough:
        yield from _mistaken(problem)
    for tier in catalog.tiers_of(problem.slug):
        if len(tier.picks) > 1:  # one bug at a time is proven already
            yield from _variants(catalog, problem, tier.name, drawn=drawn, thorough=thorough)


def _shapes(problem: Problem, *, thorough: bool) -> Iterator[Trial]:
    """Each shape on some sentences, and each sentence in a shape; a thorough proof has all pairs."""
    for place, name in enumerate(problem.shapes):
        for number, sentence in enumerate(problem.sentences.values() or [""]):
            if not thorough and number >= WHOLE and number % len(problem.shapes) != place:
                continue
            given = plain_material(problem, sentence=sentence, shape=name)
            yield Trial(
                kind="shape",
                name=f"{name}, “{sentence}”" if sentence else name,
                source=given.shape,
                material=given,
                judge=must_pass,
                only=() if number < WHOLE else ("loss_falls",),
            )


def _starts(problem: Problem) -> Iterator[Trial]:
    """The unsolved starts: each reads as a file of the contract, and does not pass."""
    for shape in problem.starts:
        starter = compose(problem, choose(problem, bugs=[], seed=0, shape=shape))
        yield Trial(
            kind="start",
            name=shape,
            source=starter.source,
            material=material(problem, starter),
            judge=must_be_unsolved,
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
                judge=partial(must_be_caught, patch=bug.patches[shape]),
                only=bug.patches[shape].properties,
            )


def _programs(
    problem: Problem, folder: Path, *, kind: str, copies: bool = False, whole: bool = True
) -> Iterator[Trial]:
    """The programs of a folder, asked all that is asked of a file or only what their first line names."""
    for path in sorted(folder.glob("*.py")):
        source = read_text(path)
        pattern = CATEGORY if kind == "valid" else CAUGHT_BY
        found = pattern.match(source)
        if found is None:
            raise broken(str(path), f"line 1 must match {pattern.pattern!r}")
        given = plain_material(problem, sentence=problem.sentence(own_sentence(source)))
        judge = must_pass if kind == "valid" else caught_by(found[1])
        only = () if whole else (found[1],)
        yield Trial(kind=kind, name=path.stem, source=source, material=given, judge=judge, only=only)
        if copies:
            copied = rewritten(source)
            yield Trial(kind="copy", name=path.stem, source=copied, material=given, judge=judge)


def _mistaken(problem: Problem) -> Iterator[Trial]:
    """Starters of two bugs, one of which was repaired wrongly: with another bug of the same lines."""
    for shape in problem.shapes:
        places: dict[str, list[str]] = defaultdict(list)
        for bug in problem.bugs.values():
            if shape in bug.patches:
                places[bug.patches[shape].find].append(bug.id)
        pairs = [pair for bugs in places.values() for pair in pairwise(bugs[: MISTAKES + 1])]
        for number, (issued, put_instead) in enumerate(pairs):
            if other := _companion(problem, shape, (issued, put_instead), seed=number):
                starter = compose(problem, choose(problem, bugs=[issued, other], seed=number, shape=shape))
                mistaken = replace(starter.variant, bugs=(put_instead, other))
                yield Trial(
                    kind="mistaken",
                    name=f"{put_instead} for {issued}, beside {other}, {shape}",
                    source=compose(problem, mistaken).source,
                    material=material(problem, starter),
                    judge=partial(must_not_tell_fixed, bug=issued),
                )


def _companion(problem: Problem, shape: str, bugs: tuple[str, ...], *, seed: int) -> str | None:
    """Another bug that goes with each of these, from none of their components."""
    components = {problem.bugs[bug].component for bug in bugs}
    others = [
        bug.id for bug in problem.bugs.values() if shape in bug.patches and bug.component not in components
    ]
    random.Random(seed).shuffle(others)
    for other in others:
        try:
            for bug in bugs:
                compose(problem, choose(problem, bugs=[bug, other], seed=seed, shape=shape))
        except BadInput:
            continue
        return other
    return None


def _variants(
    catalog: Catalog, problem: Problem, tier: str, *, drawn: int, thorough: bool
) -> Iterator[Trial]:
    """Drawn variants, their bugs taken out one after the other in random order.

    In every third one of a thorough proof the repairs are worded otherwise than the clean shape, so that no
    text tells of them.
    """
    had: list[Variant] = []
    for seed in range(drawn):
        try:
            variant = draw(catalog, problem=problem.slug, tier=tier, seed=seed, avoid=had)
        except BadInput:
            if problem.starts:
                return  # a follow-up begins with its start, and need not fill every tier
            raise
        if variant.puzzle in {one.puzzle for one in had}:
            return  # a small pack has fewer
        had.append(variant)
        given = material(problem, compose(problem, variant))
        order = random.Random(seed).sample(variant.bugs, len(variant.bugs))
        for fixed in range(len(order)):
            alive = frozenset(order[fixed:])
            left = replace(variant, bugs=tuple(bug for bug in variant.bugs if bug in alive))
            source = compose(problem, left).source
            reworded = thorough and seed % 3 == 2
            if reworded:
                marks = {problem.bugs[bug].patches[variant.shape].mark for bug in order[:fixed]}
                source = with_other_locals(source, marks)
            yield Trial(
                kind="reworded" if reworded else "variant",
                name=f"{tier} {seed}, {fixed} of {len(order)} fixed: {', '.join(sorted(alive))}",
                source=source,
                material=given,
                judge=partial(must_tell_right, alive=alive),
            )


def _restores(source: str, given: Material) -> bool:
    """Whether the clean shape comes back when the one bug's lines are put back where they stand."""
    bug, clean = given.bugs[0], given.shape.rstrip("\n")
    lines = source.splitlines()
    bugged = "\n".join(line for line in lines if not line.strip().startswith("# marked:"))
    places = [match.start() for match in re.finditer(f"(?={re.escape(bug.replace)})", bugged)]
    return any(bugged[:at] + bug.find + bugged[at + len(bug.replace) :] == clean for at in places)
