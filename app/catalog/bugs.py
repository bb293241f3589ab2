"""Reads a problem's bugs: bugs.toml says what each is, shapes/*.toml how it is put into a shape."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from pathlib import Path

from app.catalog.fields import Fields, broken, read_text, read_toml
from app.catalog.source import definitions
from app.catalog.starter import patch_edit
from app.catalog.values import DIFFICULTIES, SYMPTOMS, Bug, Patch

SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def read_bugs(folder: Path, shapes: Mapping[str, str]) -> dict[str, Bug]:
    """Every bug by its id. Raises SetupError for one that is incomplete or whose patch does not apply."""
    path = folder / "bugs.toml"
    fields = read_toml(path)
    debriefs = _debriefs(folder / "debrief.md")
    patches = {shape: _patch_tables(folder / "shapes" / f"{shape}.toml") for shape in shapes}
    bugs: dict[str, Bug] = {}
    for table in fields.tables("bugs"):
        bug = _bug(table, debriefs, patches, shapes)
        if bug.id in bugs:
            raise broken(str(path), f"two bugs have the id `{bug.id}`")
        bugs[bug.id] = bug
    fields.end()
    if debriefs:
        raise broken(str(folder / "debrief.md"), f"there is no bug `{next(iter(debriefs))}`")
    for shape, left in patches.items():
        if left:
            raise broken(f"{folder / 'shapes' / shape}.toml", f"there is no bug `{next(iter(left))}`")
    return bugs


def _patch_tables(path: Path) -> dict[str, Fields]:
    """The patches for a shape by bug, not yet read."""
    fields = read_toml(path)
    return {name: Fields(fields.items(name), f"{path} ({name})") for name in fields.names()}


def _bug(
    fields: Fields,
    debriefs: dict[str, str],
    patches: Mapping[str, dict[str, Fields]],
    shapes: Mapping[str, str],
) -> Bug:
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
    symptom = fields.one_of("symptom", SYMPTOMS)
    tables = {shape: left.pop(name) for shape, left in patches.items() if name in left}
    if not tables:
        raise broken(fields.where, "has a patch for no shape")
    bug = Bug(
        id=name,
        title=fields.text("title"),
        family=fields.text("family"),
        component=fields.text("component"),
        mechanism=fields.text("mechanism"),
        properties=properties,
        symptom=symptom,
        difficulty=fields.one_of("difficulty", DIFFICULTIES),
        why=fields.text("why"),
        hints=(hints[0], hints[1], hints[2]),
        debrief=debriefs.pop(name),
        source=fields.take("source", str, ""),
        patches={
            shape: _patch(table, shapes[shape], properties=properties, symptom=symptom)
            for shape, table in tables.items()
        },
    )
    fields.end()
    return bug


def _patch(fields: Fields, shape: str, *, properties: tuple[str, ...], symptom: str) -> Patch:
    patch = Patch(
        find=fields.text("find"),
        replace=fields.take("replace", str),
        mark=fields.text("mark"),
        properties=fields.texts("properties", list(properties)),
        symptom=fields.one_of("symptom", SYMPTOMS, symptom),
    )
    fields.end()
    _prove(patch, shape, fields.where)
    return patch


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
    patched = shape[place.start : edit.start] + edit.text + shape[edit.end : place.end]
    alone = f"if True:\n{patched}" if place.indent else patched  # a whole shape takes ten times as long
    try:
        ast.parse(alone)
    except SyntaxError as error:
        raise broken(where, f"the patched {patch.mark} does not parse: {error}") from error


def _debriefs(path: Path) -> dict[str, str]:
    """The sections of debrief.md by bug: each under a heading `## bug-id`."""
    _, *sections = re.split(r"(?m)^## +(\S+)\s*$", read_text(path))
    return {
        name: body.strip() for name, body in zip(sections[::2], sections[1::2], strict=True) if body.strip()
    }
