"""Reads the folder problems/ and refuses a pack that could not be played, saying where it is wrong."""

from __future__ import annotations

import hashlib
from pathlib import Path

from app.catalog.bugs import read_bugs
from app.catalog.fields import Fields, broken, read_text, read_toml
from app.catalog.given import with_given
from app.catalog.source import LONGEST, sentence_literal
from app.catalog.values import Catalog, Pick, Problem, Tier
from app.errors import SetupError


def load_catalog(folder: Path) -> Catalog:
    """Every problem and tier of a pack. Raises SetupError when the pack is missing or broken."""
    if not (folder / "pack.toml").is_file():
        raise SetupError(
            f"There is no pack at {folder}: pack.toml is missing.",
            hint="Start Overfit from its checkout, or set OVERFIT_PROBLEMS to the folder of a pack.",
        )
    pack = read_toml(folder / "pack.toml")
    problems = {slug: _read_problem(folder, slug) for slug in pack.texts("order")}
    tiers = {tier.name: tier for tier in map(_tier, pack.tables("tiers"))}
    pack.end()
    return Catalog(problems=problems, tiers=tiers)


def _tier(fields: Fields) -> Tier:
    tier = Tier(
        name=fields.text("name"),
        title=fields.text("title"),
        summary=fields.text("summary"),
        marks=fields.take("marks", bool),
        minutes=fields.take("minutes", int),
        guided=fields.take("guided", bool),
        max_crashes=fields.take("max_crashes", int),
        picks=tuple(_pick(pick) for pick in fields.tables("picks")),
        problems=fields.texts("problems", []),
    )
    fields.end()
    return tier


def _pick(fields: Fields) -> Pick:
    pick = Pick(
        families=fields.texts("families", []),
        difficulties=fields.texts("difficulties", []),
        crashes=fields.take("crashes", bool, True),
        shipped=fields.take("shipped", bool, False),
        one_in=fields.take("one_in", int, 1),
    )
    fields.end()
    return pick


def _read_problem(pack: Path, slug: str) -> Problem:
    folder = pack / slug
    fields = read_toml(folder / "problem.toml")
    sentences = _sentences(fields)
    names = fields.texts("shapes")
    shapes = {name: _read_shape(folder / "shapes" / f"{name}.py", learns=bool(sentences)) for name in names}
    follows = fields.take("follows", str, "")
    given = read_text(folder / "given.py") if follows else ""
    problem = Problem(
        slug=folder.name,
        title=fields.text("title"),
        summary=fields.text("summary"),
        filename=fields.text("filename"),
        contract=fields.text("contract"),
        statement=read_text(folder / "statement.md"),
        interviewer=read_text(folder / "interviewer.md"),
        blank=_read_shape(folder / "blank.py", learns=True) if (folder / "blank.py").is_file() else "",
        probes=read_text(folder / "probes.py"),
        shapes=shapes,
        follows=follows,
        given=given,
        starts={name: _read_start(pack / follows / "shapes" / f"{name}.py", given) for name in shapes}
        if follows
        else _read_starts(folder / "start", shapes),
        sentences=sentences,
        bugs=read_bugs(folder, shapes),
        digest=_digest(folder),
    )
    fields.end()
    return problem


def _read_starts(folder: Path, shapes: dict[str, str]) -> dict[str, str]:
    """The unsolved starts of a follow-up: one for each shape, or none at all."""
    if not folder.is_dir():
        return {}
    return {name: _read_shape(folder / f"{name}.py", learns=False) for name in shapes}


def _read_shape(path: Path, *, learns: bool) -> str:
    """A whole program; one that `learns` sentences must name one."""
    text = read_text(path)
    try:
        found = sentence_literal(text)
    except SyntaxError as error:
        raise broken(str(path), f"does not parse: {error}") from error
    if learns and found is None:
        raise broken(str(path), 'needs a line SENTENCE = "..." at its top level')
    return text


def _read_start(path: Path, given: str) -> str:
    """The shape of the same name of the problem that this one follows, with what is given."""
    return with_given(_read_shape(path, learns=True), given)


def _sentences(fields: Fields) -> dict[str, str]:
    """By name; a problem without the table has no sentences: its files have a task of their own."""
    if "sentences" not in fields.names():
        return {}
    sentences = fields.items("sentences")
    for name, text in sentences.items():
        if not isinstance(text, str) or not 20 <= len(text) <= LONGEST or len(set(text)) < 2:
            raise broken(
                fields.where, f"sentence `{name}` must have 20 to {LONGEST} characters, two different"
            )
    if not sentences or len(set(sentences.values())) < len(sentences):
        raise broken(fields.where, "`sentences` must hold at least one, each different")
    return sentences


def _digest(folder: Path) -> str:
    """Of the files that a verdict depends on; a mended typing error in the statement changes nothing."""
    paths = [folder / "bugs.toml", folder / "problem.toml", folder / "probes.py", *folder.glob("given.py")]
    shapes = folder / "shapes"
    digest = hashlib.sha256()
    starts = (folder / "start").glob("*.py")
    for path in [*paths, *sorted((*shapes.glob("*.py"), *shapes.glob("*.toml"), *starts))]:
        digest.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
