"""The pack `gpt`: facts about its data and its starters that need no judge."""

from __future__ import annotations

import ast
import io
import re
import tokenize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.catalog import Bug, Starter, choose, compose, draw, load_catalog, material
from app.catalog.source import definitions, line_offsets
from app.settings import CHECKOUT

CATALOG = load_catalog(CHECKOUT / "problems")
GPT = CATALOG.problem("gpt")
BUGS = list(GPT.bugs.values())
NAMES = [bug.id for bug in BUGS]
CANONICAL = {
    *("position-never-initialised", "position-scale-huge"),
    *("mask-multiplied", "mask-zero-filled", "mask-after-softmax", "mask-missing"),
    *("projection-takes-one-head", "projection-gives-one-head", "projection-three-wide"),
    *("no-backward", "no-step", "no-zero-grad"),
    *("shift-missing", "shift-double", "shift-logits-only", "shift-labels-only", "shift-backwards"),
    *("heads-not-gathered", "heads-viewed-apart", "heads-swapped", "scale-missing", "k-for-v"),
}
MECHANISMS = {  # what a catalogue must have of each component; a typo is of the component that it is in
    "position": {
        *("initialisation", "dropped call", "dropped operand", "indexing", "gradient cut"),
        *("wrong operator", "wrong axis"),
    },
    "attention": {
        *("mask value", "mask order", "mask dropped", "mask direction", "result dropped", "indexing"),
        *("off by one", "dropped call", "dead branch", "dimensions", "scale", "order of operations"),
        *("wrong axis", "wrong function", "wrong name", "head reshape", "gradient cut"),
        *("transposed argument",),
    },
    "block": {"residual", "dropped call", "wrong axis", "wrong name"},
    "mlp": {"dimensions", "dropped call", "order of operations", "wrong function", "mode ignored"},
    "model": {
        *("aliasing", "registration", "result dropped", "indentation", "dropped call", "initialisation"),
        *("wrong name", "swapped arguments"),
    },
    "head": {"dimensions", "wrong axis", "wrong function", "wrong name", "initialisation"},
    "loss": {
        *("label shift", "wrong axis", "double softmax", "missing log-softmax", "indexing"),
        *("ignored label", "sign", "transposed argument"),
    },
    "loop": {
        *("missing call", "order of calls", "wrong object", "sign", "gradient cut", "indentation"),
        *("inverted condition", "scale", "schedule"),
    },
    "data": {"order", "wrong object"},
    "tokenizer": {"off by one", "order", "indexing", "missing return"},
    "generate": {
        *("indexing", "wrong axis", "wrong function", "scale", "result dropped", "order", "off by one"),
        *("indentation", "wrong object", "missing call", "mask value", "unpacking"),
    },
}
# By the symptom that a bug shows in most shapes; a loss that creeps is flat and not loud.
DIFFICULTIES = {
    **{symptom: ("loud",) for symptom in ("crash", "nan")},
    "flat": ("loud", "canonical"),
    **{symptom: ("canonical",) for symptom in ("text", "varies")},
    "criteria_pass": ("silent", "expert"),
}
SHIPPED = re.compile(r"(?P<project>[\w./-]+), (?:mended in|reported as) (?P<place>[0-9a-f]{7}|#\d+)")
CODE = re.compile(r"\w+\.[\w.]+|\w*_\w+|\w+=\S|\w+\(|\w*[\[\]]")
drawn = st.builds(
    lambda tier, seed, marks: compose(GPT, draw(CATALOG, problem="gpt", tier=tier, seed=seed, marks=marks)),
    st.sampled_from([tier.name for tier in CATALOG.tiers_of("gpt")]),
    st.integers(0, 2**40),
    st.booleans(),
)
every_bug = pytest.mark.parametrize("bug", BUGS, ids=NAMES)
every_patch = pytest.mark.parametrize(
    ("bug", "shape"),
    [pytest.param(bug, shape, id=f"{bug.id}, {shape}") for bug in BUGS for shape in bug.patches],
)
every_shape = pytest.mark.parametrize("shape", GPT.shapes)


def test_every_canonical_bug_is_there() -> None:
    assert set(NAMES) >= CANONICAL


def test_there_are_bugs_enough() -> None:
    assert len(BUGS) >= 110


@pytest.mark.parametrize("component", MECHANISMS)
def test_every_mechanism_of_a_component_is_there(component: str) -> None:
    assert {bug.mechanism for bug in BUGS if bug.component == component} >= MECHANISMS[component]


def test_no_component_is_unknown() -> None:
    assert {bug.component for bug in BUGS} == set(MECHANISMS)


def test_there_are_typos_that_crash_and_typos_that_do_not() -> None:
    typos = [bug for bug in BUGS if bug.family == "typo"]
    assert sum(bug.symptom != "crash" for bug in typos) >= 4
    assert any(bug.symptom == "crash" for bug in typos)


def test_there_are_twenty_pleasant_sentences() -> None:
    sentences = list(GPT.sentences.values())
    assert len(sentences) == 20
    assert all(20 <= len(text) <= 85 and text == text.lower() and text.isascii() for text in sentences)
    assert min(map(len, sentences)) < 30
    assert max(map(len, sentences)) > 70


@every_shape
def test_a_class_of_a_shape_fits_one_screen(shape: str) -> None:
    text = GPT.shapes[shape]
    for name, place in definitions(text).items():
        assert text.count("\n", place.start, place.end) <= 40, name


@every_shape
def test_comments_of_a_shape_give_shapes_only(shape: str) -> None:
    comments = _comments(GPT.shapes[shape])
    assert all(re.fullmatch(r"# (each )?\([A-Za-z0-9_, +\-]+\)", text) for text in comments)


@every_patch
def test_a_bug_changes_the_program_and_not_only_its_text(bug: Bug, shape: str) -> None:
    bugged = _alone(bug, shape)
    assert ast.unparse(ast.parse(bugged.source)) != ast.unparse(ast.parse(_clean(bugged)))


@every_patch
def test_taking_a_bug_out_gives_the_clean_shape_back(bug: Bug, shape: str) -> None:
    bugged = _alone(bug, shape, marks=False)
    (issued,) = material(GPT, bugged).bugs
    assert bugged.source.count(issued.replace) == 1
    assert bugged.source.replace(issued.replace, issued.find) == _clean(bugged)


@every_patch
def test_a_bug_adds_no_comment(bug: Bug, shape: str) -> None:
    assert set(_comments(_alone(bug, shape, marks=False).source)) <= set(_comments(GPT.shapes[shape]))


@every_bug
def test_hints_lead_from_area_to_thought(bug: Bug) -> None:
    assert len(set(bug.hints)) == 3
    for hint in bug.hints:
        assert bug.id not in hint
        assert "`" not in hint  # no code that could be pasted
        assert hint.endswith((".", "?"))
    assert bug.hints[0].startswith("Look at ")


@every_patch
def test_hints_hold_neither_the_bugged_code_nor_the_right_one(bug: Bug, shape: str) -> None:
    patch = bug.patches[shape]
    before, after = patch.find.splitlines(), patch.replace.splitlines()
    changed = {line.strip() for line in set(before) ^ set(after)} - {""}
    changed |= set(CODE.findall(patch.find)) ^ set(CODE.findall(patch.replace))
    assert not [code for code in changed for hint in bug.hints if code in hint]


@every_bug
def test_a_bug_is_told_in_whole_sentences(bug: Bug) -> None:
    assert bug.why.endswith(".")
    assert bug.why.count(". ") == 0, "one sentence"
    assert not bug.title.endswith(".")
    assert len(bug.debrief) > 60
    assert "!" not in bug.why + bug.debrief + "".join(bug.hints)


@every_bug
def test_how_difficult_a_bug_is_agrees_with_its_symptom(bug: Bug) -> None:
    assert bug.difficulty in DIFFICULTIES[bug.symptom]
    for patch in bug.patches.values():
        if bug.difficulty in ("silent", "expert"):
            assert patch.symptom in ("criteria_pass", "varies")
        if bug.difficulty == "loud":
            assert patch.symptom in ("crash", "nan", "flat", "varies")


@pytest.mark.parametrize("bug", [bug for bug in BUGS if bug.source], ids=lambda bug: bug.id)
def test_what_shipped_is_told_with_the_project_and_the_place(bug: Bug) -> None:
    for part in bug.source.split("; "):
        told = SHIPPED.fullmatch(part)
        assert told, part
        assert told["project"] in bug.debrief
        assert told["place"] in bug.debrief


@given(starter=drawn)
def test_a_starter_does_not_tell_its_bugs(starter: Starter) -> None:
    text = starter.source.lower()
    unmarked = "\n".join(line for line in text.splitlines() if not line.strip().startswith("# marked:"))
    assert "bug" not in unmarked
    assert not any(name in text or name.replace("-", "_") in text for name in NAMES)
    assert not any(slot.bug.title.lower() in text for slot in starter.slots)
    clean = GPT.shapes[starter.variant.shape]
    assert set(_comments(unmarked)) <= {comment.lower() for comment in _comments(clean)}


@given(starter=drawn)
def test_marks_name_the_regions_that_hold_bugs_and_no_others(starter: Starter) -> None:
    marked = _marked_regions(starter.source)
    if not starter.variant.marks:
        assert marked == []
        return
    counted = 0
    for first, last, bugs in marked:
        inside = [slot for slot in starter.slots if first <= slot.line <= last]
        assert len(inside) == bugs
        counted += bugs
    assert counted == len(starter.slots)


@given(starter=drawn)
def test_a_starter_is_the_shape_but_for_its_patches(starter: Starter) -> None:
    text = "\n".join(line for line in starter.source.splitlines() if not line.strip().startswith("# marked:"))
    for bug in material(GPT, starter).bugs:
        text = text.replace(bug.replace, bug.find)
    assert text.strip() == _clean(starter).strip()


def _alone(bug: Bug, shape: str, *, marks: bool = True) -> Starter:
    return compose(GPT, choose(GPT, bugs=[bug.id], shape=shape, seed=1, marks=marks))


def _clean(starter: Starter) -> str:
    return material(GPT, starter).shape


def _comments(source: str) -> list[str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return [token.string for token in tokens if token.type == tokenize.COMMENT]


def _marked_regions(source: str) -> list[tuple[int, int, int]]:
    """The first and last line of each marked definition, and how many bugs its mark speaks of."""
    offsets = line_offsets(source)
    places = {offsets.index(place.start) + 1: place for place in definitions(source).values()}
    found = []
    for number, line in enumerate(source.splitlines(), start=1):
        if mark := re.fullmatch(r" *# marked: there (?:is a bug|are (\d) bugs) in this (\w+)", line.rstrip()):
            place = places[number + 1]
            assert place.kind == mark[2]
            found.append((number + 1, offsets.index(place.end), int(mark[1] or 1)))
    return found
