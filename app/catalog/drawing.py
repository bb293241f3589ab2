"""Draws variants: the same seed draws the same one, and nobody is given a puzzle twice."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace

from app.catalog.starter import compose
from app.catalog.values import Bug, Catalog, Pick, Problem, Tier, Variant
from app.errors import BadInput, NotFound

CHOSEN = "chosen"  # the tier of a variant whose bugs were named by hand
TRIES = 400


def draw(
    catalog: Catalog,
    *,
    problem: str,
    tier: str,
    seed: int,
    shape: str | None = None,
    marks: bool | None = None,
    family: str | None = None,
    avoid: Collection[Variant] = (),
) -> Variant:
    """The variant that a seed draws from a tier; one that is to be avoided makes way for the next.

    Of bugs of one `family` alone, where one is named. Once every puzzle of the tier has been had, one comes
    again with another sentence.
    Raises NotFound for a problem, tier or family that is not there, BadInput when nothing is left to draw.
    """
    found, rules = catalog.problem(problem), catalog.tier(tier)
    if not rules.is_for(problem):
        names = ", ".join(one.name for one in catalog.tiers_of(problem))
        raise BadInput(f"The tier “{tier}” does not draw from {problem}.", hint=f"There is: {names}.")
    rng = random.Random(f"{problem}/{tier}/{seed}")
    picks = [pick for pick in rules.picks if rng.randrange(pick.one_in) == 0]
    if family is not None:
        _require_family(found, family)
        picks = [replace(pick, families=(family,)) for pick in picks]
    shapes = [shape] if shape else [name for name in found.shapes if _fills(picks, found, name)]
    had = {variant.puzzle for variant in avoid}
    had_with_sentence = {(variant.puzzle, variant.sentence) for variant in avoid}
    again: Variant | None = None
    for _ in range(TRIES):
        drawn = rng.choice(shapes or list(found.shapes))
        bugs = _pick_bugs(found, rules, picks, drawn, rng)
        if len(bugs) < len(picks):
            continue
        sentence = _a_sentence(found, rng)
        variant = choose(
            found,
            bugs=[bug.id for bug in bugs],
            shape=drawn,
            sentence=sentence,
            marks=rules.marks if marks is None else marks,
            tier=tier,
            seed=seed,
        )
        if not _goes_together(found, variant, bugs, rules):
            continue
        if variant.puzzle not in had:
            return variant
        if again is None and (variant.puzzle, variant.sentence) not in had_with_sentence:
            again = variant
    if again is not None:
        return again
    raise BadInput("Every variant of this tier has been had.", hint="Choose another tier or another seed.")


def choose(
    problem: Problem,
    *,
    bugs: Sequence[str],
    seed: int,
    shape: str | None = None,
    sentence: str | None = None,
    marks: bool = True,
    tier: str = CHOSEN,
) -> Variant:
    """The variant with exactly these bugs; the seed settles what is not named, and the slots' order."""
    rng = random.Random(f"{problem.slug}/{sorted(bugs)}/{seed}")
    slots = sorted(bugs)
    rng.shuffle(slots)
    fitting = [name for name in problem.shapes if all(name in problem.bugs[bug].patches for bug in bugs)]
    return Variant(
        problem=problem.slug,
        shape=shape or rng.choice(fitting or list(problem.shapes)),
        bugs=tuple(slots),
        sentence=sentence or _a_sentence(problem, rng),
        marks=marks,
        tier=tier,
        seed=seed,
        pack_digest=problem.digest,
    )


def _require_family(problem: Problem, family: str) -> None:
    families = sorted({bug.family for bug in problem.bugs.values()})
    if family not in families:
        raise NotFound(f"There is no family “{family}” of bugs.", hint=f"There is: {', '.join(families)}.")


def _a_sentence(problem: Problem, rng: random.Random) -> str:
    """The id of one; '' where a file has a task of its own."""
    return rng.choice(list(problem.sentences)) if problem.sentences else ""


def _fills(picks: Sequence[Pick], problem: Problem, shape: str) -> bool:
    """Whether each pick has a bug in a shape."""
    return all(any(pick.takes(bug, shape=shape) for bug in problem.bugs.values()) for pick in picks)


def _pick_bugs(
    problem: Problem, tier: Tier, picks: Sequence[Pick], shape: str, rng: random.Random
) -> list[Bug]:
    """One bug for each pick: first a family, then one of it.

    A family is as likely as the root of its size: a large one does not crowd out the others, and the one bug
    of a small one does not come every other time. A pick that names no family takes from a component that no
    other bug is in: two bugs at one place hide each other. Fewer bugs than picks: the draw does not come out.
    """
    chosen: list[Bug] = []
    for pick in picks:
        fit = [bug for _, bug in sorted(problem.bugs.items()) if pick.takes(bug, shape=shape)]
        if not fit:
            raise BadInput(f"The tier “{tier.name}” has no bug to draw for the shape “{shape}”.")
        taken = {bug.component for bug in chosen}
        left = [bug for bug in fit if bug not in chosen and (pick.families or bug.component not in taken)]
        if not left:
            break
        sizes = Counter(bug.family for bug in left)
        (family,) = rng.choices(sorted(sizes), [sizes[name] ** 0.5 for name in sorted(sizes)])
        chosen.append(rng.choice([bug for bug in left if bug.family == family]))
    return chosen


def _goes_together(problem: Problem, variant: Variant, bugs: Sequence[Bug], tier: Tier) -> bool:
    if sum(bug.patches[variant.shape].crashes for bug in bugs) > tier.max_crashes:
        return False
    try:
        compose(problem, variant)
    except BadInput:
        return False
    return True
