"""`overfit new`: writes a starter for one's own editor."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from app.catalog import Problem, Starter, Variant, choose, compose, draw, load_catalog, with_header
from app.errors import BadInput
from app.settings import Settings
from app.web.words import plural

STDOUT = Path("-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What was asked for; what is None is drawn."""

    problem: str
    tier: str | None
    shape: str | None
    seed: int | None
    bugs: tuple[str, ...]  # named by hand: instead of the tier's draw
    marks: bool | None
    output: Path | None


def new(settings: Settings, wish: Wish) -> str:
    """Write the starter; what to say about it, which is the starter itself when it goes to stdout.

    Raises NotFound and BadInput for a wish that the pack can't meet, or a file that is there already.
    """
    catalog = load_catalog(settings.problems)
    problem = catalog.problem(wish.problem)
    seed = secrets.randbelow(2**31) if wish.seed is None else wish.seed
    if wish.bugs:
        variant = _chosen(problem, wish, seed)
    elif problem.starts and wish.tier is None:
        variant = choose(problem, bugs=[], seed=seed, shape=wish.shape, marks=False)
    else:
        tier = wish.tier or catalog.tiers_of(wish.problem)[0].name
        variant = draw(
            catalog, problem=wish.problem, tier=tier, seed=seed, shape=wish.shape, marks=wish.marks
        )
    starter = compose(problem, variant)
    text = with_header(starter.source, variant)
    if wish.output == STDOUT:
        return text.rstrip("\n")
    path = wish.output or Path(problem.filename)
    _write(path, text)
    return _said(path, starter)


def _chosen(problem: Problem, wish: Wish, seed: int) -> Variant:
    if unknown := [bug for bug in wish.bugs if bug not in problem.bugs]:
        raise BadInput(
            f"There is no bug “{unknown[0]}” in {problem.slug}.",
            hint="`overfit problems check` lists them; leave --bugs out to have them drawn.",
        )
    marks = True if wish.marks is None else wish.marks
    return choose(problem, bugs=wish.bugs, seed=seed, shape=wish.shape, marks=marks)


def _write(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise BadInput(f"{path} is there already.", hint="Name another file with -o.") from error
    except OSError as error:
        raise BadInput(f"{path} can't be written: {error.strerror}.", hint="Name another with -o.") from error


def _said(path: Path, starter: Starter) -> str:
    if not starter.slots:
        return f"{path}: the program to start from. When it is done: overfit check {path}"
    bugs = plural(len(starter.slots), "bug")
    marked = "the regions that hold them are marked" if starter.variant.marks else "nothing is marked"
    return f"{path}: {bugs}; {marked}. Seed {starter.variant.seed}.\nWhen it is fixed: overfit check {path}"
