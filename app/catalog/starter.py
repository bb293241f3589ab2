"""Composes what a person is given: the shape with a variant's bugs, its sentence and its marks put in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise, takewhile
from typing import Any, TypeVar

from app.catalog.source import Definition, Edit, definitions, sentence_literal, splice
from app.catalog.values import Bug, Patch, Problem, Variant
from app.errors import BadInput

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One bug of a starter, under the number that people see before the reveal."""

    number: int
    bug: Bug
    patch: Patch
    line: int  # where the bug is in the starter, from 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Starter:
    variant: Variant
    source: str
    sentence: str
    slots: tuple[Slot, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedBug:
    """What the judge needs to know of a bug: the fields of `sandbox.job.IssuedBug`."""

    id: str
    component: str
    properties: tuple[str, ...]
    find: str
    replace: str
    crashes: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """The texts that a job in the sandbox is made of, beside the submission itself."""

    problem: str
    contract: str
    filename: str
    text: str
    probes: str
    shape: str
    bugs: tuple[IssuedBug, ...]
    pack_digest: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def compose(problem: Problem, variant: Variant) -> Starter:
    """The starter of a variant: of one without bugs the problem's unsolved start, where it has any.

    Raises BadInput when the variant names a shape, bug or sentence that the pack does not have (any more),
    or bugs that do not go together.
    """
    shape = _known(problem.shapes, variant.shape, "shape")
    if problem.starts and not variant.bugs:
        start = problem.starts[variant.shape]
        return Starter(variant=variant, source=start, sentence=problem.sentence(), slots=())
    sentence = _known(problem.sentences, variant.sentence, "sentence") if problem.sentences else ""
    bugs = [_known(problem.bugs, bug, "bug") for bug in variant.bugs]
    patches = [_patch(bug, variant.shape) for bug in bugs]
    edits = [patch_edit(shape, patch) for patch in patches]
    marks = mark_edits(shape, patches) if variant.marks else []
    try:
        _require_lines_of_their_own(shape, edits)
        source, starts = splice(shape, [*edits, *sentence_edits(shape, sentence), *marks])
        compile(source, problem.filename, "exec")
    except (ValueError, SyntaxError) as error:
        raise BadInput(
            f"These bugs do not go together: {', '.join(variant.bugs)}.", hint="Choose other ones."
        ) from error
    slots = tuple(
        Slot(number=number, bug=bug, patch=patch, line=_line(source, start, patch))
        for number, (bug, patch, start) in enumerate(zip(bugs, patches, starts, strict=False), start=1)
    )
    return Starter(variant=variant, source=source, sentence=sentence, slots=slots)


def _require_lines_of_their_own(shape: str, edits: Sequence[Edit]) -> None:
    """Raises ValueError for two bugs in one line: the judge tells bugs by whole lines."""
    spans = sorted((shape.count("\n", 0, edit.start), shape.count("\n", 0, edit.end - 1)) for edit in edits)
    if any(first[1] >= second[0] for first, second in pairwise(spans)):
        raise ValueError("two bugs share a line")


def compose_blank(problem: Problem, variant: Variant) -> Starter:
    """A file with nothing but the contract in it, for a variant without bugs.

    Raises BadInput for a problem that is not offered so.
    """
    if not problem.blank:
        raise BadInput(f"{problem.title} is not offered from scratch.", hint="Choose another mode.")
    sentence = _known(problem.sentences, variant.sentence, "sentence")
    source, _ = splice(problem.blank, sentence_edits(problem.blank, sentence))
    return Starter(variant=variant, source=source, sentence=sentence, slots=())


def material(problem: Problem, starter: Starter) -> Material:
    """What the sandbox is told about a starter; the shape learns the same sentence."""
    name = starter.variant.shape
    bugs = tuple(_issued(slot, problem.shapes[name]) for slot in starter.slots)
    return replace(plain_material(problem, sentence=starter.sentence, shape=name), bugs=bugs)


def plain_material(problem: Problem, *, sentence: str, shape: str | None = None) -> Material:
    """What the sandbox is told about a program that was issued with no bug that we know of."""
    text = problem.shapes[shape] if shape else next(iter(problem.shapes.values()))
    clean, _ = splice(text, sentence_edits(text, sentence))
    return Material(
        problem=problem.slug,
        contract=problem.contract,
        filename=problem.filename,
        text=sentence,
        probes=problem.probes,
        shape=clean,
        bugs=(),
        pack_digest=problem.digest,
    )


def _issued(slot: Slot, shape: str) -> IssuedBug:
    """A bug as whole lines: the judge compares lines, and a patch may be a part of one."""
    edit = patch_edit(shape, slot.patch)
    start = shape.rfind("\n", 0, edit.start) + 1
    end = edit.end if shape[: edit.end].endswith("\n") else shape.find("\n", edit.end)
    before, after = shape[start : edit.start], shape[edit.end : end]
    return IssuedBug(
        id=slot.bug.id,
        component=slot.bug.component,
        properties=slot.patch.properties,
        find=before + slot.patch.find + after,
        replace=before + slot.patch.replace + after,
        crashes=slot.patch.crashes,
    )


def patch_edit(shape: str, patch: Patch) -> Edit:
    start = shape.index(patch.find)
    return Edit(start=start, end=start + len(patch.find), text=patch.replace)


def sentence_edits(shape: str, sentence: str) -> list[Edit]:
    """What puts the sentence into a shape: nothing, where a shape names none."""
    found = sentence_literal(shape)
    if found is None:
        return []
    start, end, _ = found
    quoted = '"' + sentence.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return [Edit(start=start, end=end, text=quoted)]


def mark_edits(shape: str, patches: Sequence[Patch]) -> list[Edit]:
    """A comment above each definition that holds bugs: reliable, and silent about what they are."""
    places = definitions(shape)
    return [
        Edit(start=places[name].start, end=places[name].start, text=_mark(places[name], count))
        for name, count in Counter(patch.mark for patch in patches).items()
    ]


def _mark(place: Definition, count: int) -> str:
    bugs = "there is a bug" if count == 1 else f"there are {count} bugs"
    return f"{place.indent}# marked: {bugs} in this {place.kind}\n"


def _line(source: str, start: int, patch: Patch) -> int:
    """The first line that the patch changed; a patch may begin with lines that it keeps.

    Where only lines at its end are gone, the last that is left: the next one may be of another definition.
    """
    left = patch.replace.splitlines()
    pairs = zip(patch.find.splitlines(), left, strict=False)
    kept = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    return source.count("\n", 0, start) + 1 + min(kept, max(len(left) - 1, 0))


def _patch(bug: Bug, shape: str) -> Patch:
    return _known(bug.patches, shape, f"patch of {bug.id} for the shape")


def _known(values: Mapping[str, T], name: str, kind: str) -> T:
    if name not in values:
        raise BadInput(f"The pack has no {kind} “{name}”.", hint="Draw a new variant.")
    return values[name]
