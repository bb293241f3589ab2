"""Places in a program's text: definitions, its own sentence, edits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.catalog import own_sentence
from app.catalog.source import Edit, definitions, sentence_literal, splice

PROGRAM = """é = "ü"
SENTENCE = "naïve attention"; other = 1


class A:
    @property
    def b(self):
        def c():
            return 1
        return c


@decorated
def d(): ...
"""


def test_definitions_have_qualified_names_and_span_their_decorators() -> None:
    found = definitions(PROGRAM)
    assert {name: place.kind for name, place in found.items()} == {
        "A": "class",
        "A.b": "method",
        "A.b.c": "function",
        "d": "function",
    }
    assert PROGRAM[found["A.b"].start :].startswith("    @property")
    assert PROGRAM[found["d"].start : found["d"].end] == "@decorated\ndef d(): ...\n"


def test_the_sentence_is_found_in_characters_not_bytes() -> None:
    found = sentence_literal(PROGRAM)
    assert found is not None
    start, end, value = found
    assert (PROGRAM[start:end], value) == ('"naïve attention"', "naïve attention")


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (PROGRAM, "naïve attention"),
        ("SENTENCE = 'x' * 30", None),
        ('SENTENCE = "aaaa"', None),
        ('SENTENCE = ""', None),
        (f'SENTENCE = "{"ab" * 61}"', None),
        ("def broken(", None),
        ("x = 1", None),
    ],
)
def test_a_program_names_its_own_sentence_or_none_that_can_be_judged_with(
    source: str, sentence: str | None
) -> None:
    assert own_sentence(source) == sentence


@given(text=st.text(min_size=1), parts=st.lists(st.tuples(st.integers(0, 60), st.text(max_size=4))))
def test_spliced_edits_stand_where_they_are_said_to(text: str, parts: list[tuple[int, str]]) -> None:
    points = sorted({at % len(text) for at, _ in parts})
    edits = [
        Edit(start=start, end=start + (end - start) // 2, text=new)
        for start, end, (_, new) in zip(points, [*points[1:], len(text)], parts, strict=False)
    ]
    spliced, starts = splice(text, edits)
    for edit, start in zip(edits, starts, strict=True):
        assert spliced[start : start + len(edit.text)] == edit.text
    assert len(spliced) == len(text) + sum(len(edit.text) - edit.end + edit.start for edit in edits)


def test_edits_that_overlap_are_refused() -> None:
    with pytest.raises(ValueError, match="overlap"):
        splice("abcdef", [Edit(start=0, end=3, text=""), Edit(start=2, end=4, text="")])
