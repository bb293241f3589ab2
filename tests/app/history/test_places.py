"""Places: the definition around a line, also while the file can't be parsed."""

from __future__ import annotations

import ast

import pytest

from app.history.places import is_within, marked_places, place_of
from app.settings import CHECKOUT

SOURCE = """import math


class Attention(Base):
    scale = 2

    def forward(self, x):
        y = call(
            x,
        )

        # a remark
        return y


def train(text):
    for step in range(3):
        def inner():
            return step
    return inner


if __name__ == "__main__":
    train("x")
"""


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("import math", ""),
        ("class Attention", "Attention"),
        ("    scale", "Attention"),
        ("    def forward", "Attention.forward"),
        ("            x,", "Attention.forward"),
        ("        # a remark", "Attention.forward"),
        ("        return y", "Attention.forward"),
        ("            return step", "train.inner"),
        ("    return inner", "train"),
        ('    train("x")', ""),
    ],
)
def test_a_line_stands_in_the_definition_around_it(text: str, place: str) -> None:
    lines = SOURCE.split("\n")
    number = next(index for index, line in enumerate(lines, start=1) if line.startswith(text))
    assert place_of(lines, number) == place


def test_a_file_that_python_cannot_read_still_has_places() -> None:
    lines = SOURCE.replace("y = call(", "y = = call((").split("\n")
    assert place_of(lines, len(lines) - 12) == "Attention.forward"


def test_lines_beyond_the_end_and_empty_files_have_no_trouble() -> None:
    assert place_of([], 1) == ""
    assert place_of([""], 7) == ""
    assert place_of(["def f():", "    x"], 99) == "f"


def test_places_agree_with_pythons_own_parser_on_the_clean_program() -> None:
    source = (CHECKOUT / "problems" / "gpt" / "shapes" / "gpt.py").read_text()
    lines = source.split("\n")

    def check(node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            if not isinstance(child, ast.ClassDef | ast.FunctionDef):
                continue
            name = f"{prefix}{child.name}"
            assert place_of(lines, child.lineno) == name
            assert place_of(lines, child.body[-1].lineno) in (name, f"{name}.{_name(child.body[-1])}")
            check(child, f"{name}.")

    check(ast.parse(source), "")


def _name(node: ast.AST) -> str:
    return getattr(node, "name", "")


def test_marks_name_the_definition_below_them() -> None:
    marked = SOURCE.replace("    def forward", "    # marked: there is a bug in this method\n    def forward")
    marked = marked.replace("def train", "# marked: there are 2 bugs in this function\n@decorated\ndef train")
    assert marked_places(marked) == {"Attention.forward", "train"}


def test_a_place_is_within_itself_and_what_is_around_it() -> None:
    assert is_within("train.inner", ["train"])
    assert is_within("train", ["train"])
    assert not is_within("trainer", ["train"])
    assert not is_within("", ["train"])
