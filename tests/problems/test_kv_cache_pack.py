"""The pack `kv_cache`: facts about its data, its starters and what is given, that need no judge."""

from __future__ import annotations

import ast
import io
import re
import tokenize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.catalog import Bug, choose, compose, draw, load_catalog, material, with_given
from app.catalog.source import definitions
from app.settings import CHECKOUT

CATALOG = load_catalog(CHECKOUT / "problems")
KV, GPT = CATALOG.problem("kv_cache"), CATALOG.problem("gpt")
FOLDER = CHECKOUT / "problems" / "kv_cache"
CLASSES = KV.given[KV.given.index("class KVCache") : KV.given.index("def generate_cached")].strip()
every_shape = pytest.mark.parametrize("shape", KV.shapes)
every_patch = pytest.mark.parametrize(
    ("bug", "shape"),
    [pytest.param(bug, shape, id=f"{bug.id}, {shape}") for bug in KV.bugs.values() for shape in bug.patches],
)
REPORTED = {  # what each mechanism that was measured is called here
    *("position-restarts", "position-offset-after-append", "offset-one-behind", "offset-in-last-layer-only"),
    *("mask-not-offset", "mask-for-empty-cache-only", "joined-along-the-heads", "new-keys-in-front"),
    *("values-not-appended", "keys-stored-as-values", "one-cache-many-times", "cache-never-read"),
    *("caches-kept-between-calls", "whole-text-fed-again", "cache-not-used", "first-row-stored-only"),
    *("queries-cached", "mask-without-cache-only"),
}


def test_every_reported_mechanism_is_there() -> None:
    assert set(KV.bugs) >= REPORTED
    assert len(KV.bugs) >= 20


def test_there_are_programs_enough() -> None:
    valid = sorted((FOLDER / "valid").glob("*.py"))
    assert len(valid) >= 25
    assert len(list((FOLDER / "wrong").glob("*.py"))) >= 10
    for path in valid:
        first = path.read_text(encoding="utf-8").split("\n", 1)[0]
        assert re.fullmatch(r"# category: [a-z0-9-]+(, [a-z0-9-]+)*", first), path.name
        assert KV.filename and "generate_cached" in path.read_text(encoding="utf-8")


@every_shape
def test_what_is_given_stands_in_the_shape_and_in_its_start(shape: str) -> None:
    assert CLASSES in KV.shapes[shape]
    assert CLASSES in KV.starts[shape]


@every_shape
def test_a_start_is_the_round_before_with_what_is_given_and_no_more(shape: str) -> None:
    start = KV.starts[shape]
    assert GPT.shapes[shape].split("if __name__")[0].rstrip() in start
    assert "caches=None" not in start
    assert start.count('if __name__ == "__main__":') == 1
    compile(start, "gpt.py", "exec")


@pytest.mark.parametrize(
    "source",
    [
        "",
        "x = (",
        "import torch\nx = 1\n",
        "from torch import nn\n\nif __name__ == '__main__':\n    print(1)\n",
        "import torch\nif __name__ == '__main__':\n    print(1)",
    ],
)
def test_given_goes_into_any_file(source: str) -> None:
    made = with_given(source, KV.given)
    assert made.count("class KVCache") == 1
    if "(" not in source[-2:]:
        compile(made, "gpt.py", "exec")
        assert made.count("import torch\n") == 1
        assert made.endswith("\n") or made.endswith("print(1)")


@every_shape
def test_a_class_of_a_shape_fits_one_screen(shape: str) -> None:
    text = KV.shapes[shape]
    for name, place in definitions(text).items():
        assert text.count("\n", place.start, place.end) <= 45, name


@every_shape
def test_comments_of_a_shape_give_shapes_only(shape: str) -> None:
    assert all(
        re.fullmatch(r"# (each )?\([A-Za-z0-9_, +\-]+\)", text) for text in _comments(KV.shapes[shape])
    )


@every_patch
def test_taking_a_bug_out_gives_the_clean_shape_back(bug: Bug, shape: str) -> None:
    starter = compose(KV, choose(KV, bugs=[bug.id], shape=shape, seed=1, marks=False))
    told = material(KV, starter)
    (issued,) = told.bugs
    assert starter.source.replace(issued.replace, issued.find, 1) == told.shape
    assert ast.unparse(ast.parse(starter.source)) != ast.unparse(ast.parse(told.shape))
    assert set(_comments(starter.source)) <= set(_comments(told.shape))


@every_patch
def test_hints_lead_from_area_to_thought_and_never_say_the_fix(bug: Bug, shape: str) -> None:
    patch = bug.patches[shape]
    fix = [line.strip() for line in patch.find.splitlines() if line not in patch.replace.splitlines()]
    assert len(set(bug.hints)) == 3
    for hint in bug.hints:
        assert not any(line and line in hint for line in fix)
        assert "`" not in hint
        assert hint.endswith((".", "?"))
    assert bug.hints[0].startswith("Look at ")


@pytest.mark.parametrize("bug", KV.bugs.values(), ids=list(KV.bugs))
def test_a_bug_is_told_in_whole_sentences(bug: Bug) -> None:
    assert bug.why.endswith(".") and bug.why.count(". ") == 0
    assert not bug.title.endswith(".")
    assert len(bug.debrief) > 60
    assert "!" not in bug.why + bug.debrief + "".join(bug.hints)
    if bug.difficulty in ("silent", "expert"):
        assert bug.symptom in ("criteria_pass", "varies")
    if bug.symptom == "crash":
        assert bug.difficulty in ("loud", "canonical")


@given(seed=st.integers(0, 2**40))
def test_a_drill_draws_from_its_own_tier_and_tells_nothing(seed: int) -> None:
    starter = compose(KV, draw(CATALOG, problem="kv_cache", tier="cache", seed=seed))
    text = starter.source.lower()
    assert len(starter.slots) == 4
    assert not any(name in text or name.replace("-", "_") in text for name in KV.bugs)


def _comments(source: str) -> list[str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return [token.string for token in tokens if token.type == tokenize.COMMENT]
