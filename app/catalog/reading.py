"""Reads the folder problems/ and refuses a pack that could not be played, saying where it is wrong."""

from __future__ import annotations

import ast
import hashlib
import re
from pathlib import Path

from app.catalog.fields import Fields, broken, read_text, read_toml
from app.catalog.source import LONGEST, definitions, sentence_literal
from app.catalog.starter import patch_edit
from app.catalog.values import LOUDNESS, SYMPTOMS, Bug, Catalog, Patch, Pick, Problem, Tier
from app.errors import SetupError

SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def load_catalog(folder: Path) -> Catalog:
    """Every problem and tier of a pack. Raises SetupError when the pack is missing or broken."""
    if not (folder / "pack.toml").is_file():
        raise SetupError(
            f"There is no pack at {folder}: pack.toml is missing.",
            hint="Start Overfit from its checkout, or set OVERFIT_PROBLEMS to the folder of a pack.",
        )
    pack = read_toml(folder / "pack.toml")
    problems = {slug: _read_problem(folder / slug) for slug in pack.texts("order")}
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
    )
    fields.end()
    return tier


def _pick(fields: Fields) -> Pick:
    pick = Pick(
        families=fields.texts("families", []),
        loudness=fields.texts("loudness", []),
        crashes=fields.take("crashes", bool, True),
        one_in=fields.take("one_in", int, 1),
    )
    fields.end()
    return pick


def _read_problem(folder: Path) -> Problem:
    fields = read_toml(folder / "problem.toml")
    shapes = {name: _read_shape(folder / "shapes" / f"{name}.py") for name in fields.texts("shapes")}
    sentences = _sentences(fields)
    problem = Problem(
        slug=folder.name,
        title=fields.text("title"),
        summary=fields.text("summary"),
        filename=fields.text("filename"),
        statement=read_text(folder / "statement.md"),
        interviewer=read_text(folder / "interviewer.md"),
        probes=read_text(folder / "probes.py"),
        shapes=shapes,
        sentences=sentences,
        bugs=_read_bugs(folder, shapes),
        digest=_digest(folder),
    )
    fields.end()
    return problem


def _read_shape(path: Path) -> str:
    text = read_text(path)
    try:
        found = sentence_literal(text)
    except SyntaxError as error:
        raise broken(str(path), f"does not parse: {error}") from error
    if found is None:
        raise broken(str(path), 'needs a line SENTENCE = "..." at its top level')
    return text


def _sentences(fields: Fields) -> dict[str, str]:
    sentences = fields.items("sentences")
    for name, text in sentences.items():
        if not isinstance(text, str) or not 20 <= len(text) <= LONGEST or len(set(text)) < 2:
            raise broken(
                fields.where, f"sentence `{name}` must have 20 to {LONGEST} characters, two different"
            )
    if not sentences or len(set(sentences.values())) < len(sentences):
        raise broken(fields.where, "`sentences` must hold at least one, each different")
    return sentences


def _read_bugs(folder: Path, shapes: dict[str, str]) -> dict[str, Bug]:
    path = folder / "bugs.toml"
    fields = read_toml(path)
    debriefs = _debriefs(folder / "debrief.md")
    bugs: dict[str, Bug] = {}
    for table in fields.tables("bugs"):
        bug = _bug(table, debriefs, shapes)
        if bug.id in bugs:
            raise broken(str(path), f"two bugs have the id `{bug.id}`")
        bugs[bug.id] = bug
    fields.end()
    if debriefs:
        raise broken(str(folder / "debrief.md"), f"there is no bug `{next(iter(debriefs))}`")
    return bugs


def _bug(fields: Fields, debriefs: dict[str, str], shapes: dict[str, str]) -> Bug:
    name = fields.text("id")
    fields.where = f"{fields.where} ({name})"
    if not SLUG.fullmatch(name):
        raise broken(fields.where, "`id` must be lower-case words joined by hyphens")
    if name not in debriefs:
        raise broken(fields.where, f"debrief.md has no section `## {name}`")
    hints = fields.texts("hints")
    properties = fields.texts("properties")
    if len(hints) != 3 or not properties:
        raise broken(fields.where, "needs three `hints` and at least one of `properties`")
    bug = Bug(
        id=name,
        title=fields.text("title"),
        family=fields.text("family"),
        component=fields.text("component"),
        mechanism=fields.text("mechanism"),
        properties=properties,
        symptom=fields.one_of("symptom", SYMPTOMS),
        loudness=fields.one_of("loudness", LOUDNESS),
        why=fields.text("why"),
        hints=(hints[0], hints[1], hints[2]),
        debrief=debriefs.pop(name),
        patches=_patches(fields, shapes),
    )
    fields.end()
    return bug


def _patches(fields: Fields, shapes: dict[str, str]) -> dict[str, Patch]:
    patches: dict[str, Patch] = {}
    for shape, values in fields.items("patches").items():
        table = Fields(values, f"{fields.where}, patch for {shape}")
        if shape not in shapes:
            raise broken(table.where, "there is no such shape")
        patch = Patch(find=table.text("find"), replace=table.take("replace", str), mark=table.text("mark"))
        table.end()
        _prove(patch, shapes[shape], table.where)
        patches[shape] = patch
    if not patches:
        raise broken(fields.where, "has a patch for no shape")
    return patches


def _prove(patch: Patch, shape: str, where: str) -> None:
    """That the patch applies, in the marked definition, and that a mark would be reliable."""
    if (count := shape.count(patch.find)) != 1:
        raise broken(where, f"`find` is there {count} times, not once")
    if patch.find == patch.replace:
        raise broken(where, "`find` and `replace` are the same")
    place = definitions(shape).get(patch.mark)
    if place is None:
        raise broken(where, f"`mark` names {patch.mark}, which the shape does not define")
    edit = patch_edit(shape, patch)
    if edit.start < place.start or edit.end > place.end:
        raise broken(where, f"the patch is not inside {patch.mark}, which `mark` names")
    try:
        ast.parse(shape.replace(patch.find, patch.replace))
    except SyntaxError as error:
        raise broken(where, f"the patched shape does not parse: {error}") from error


def _debriefs(path: Path) -> dict[str, str]:
    """The sections of debrief.md by bug: each under a heading `## bug-id`."""
    _, *sections = re.split(r"(?m)^## +(\S+)\s*$", read_text(path))
    return {
        name: body.strip() for name, body in zip(sections[::2], sections[1::2], strict=True) if body.strip()
    }


def _digest(folder: Path) -> str:
    """Of the files that a verdict depends on; a mended typing error in the statement changes nothing."""
    paths = [folder / "bugs.toml", folder / "problem.toml", folder / "probes.py"]
    digest = hashlib.sha256()
    for path in [*paths, *sorted((folder / "shapes").glob("*.py"))]:
        digest.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
