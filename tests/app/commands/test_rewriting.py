"""Copies that say the same otherwise: other names, another order, a function inlined, and equal results."""

from __future__ import annotations

import ast
from typing import Any

from app.commands.rewriting import rewritten, with_other_locals

PROGRAM = """
import math

SENTENCE = "abc"

def scaled(value, factor):
    product = value * factor
    return product + 1

class Model:
    def forward(self, x):
        total = 0
        for item in x:
            total = total + math.floor(item)
        return total

def train(text):
    model = Model()
    start = scaled(len(text), 3)
    return model.forward([start, 2.5]), [factor for factor in range(3)]

def generate(prompt):
    words = {word: len(word) for word in prompt.split()}
    return sorted(words.items())
"""


def _run(source: str) -> tuple[Any, Any]:
    names: dict[str, Any] = {"__name__": "program"}
    exec(compile(source, "program.py", "exec"), names)
    return names["train"]("hello"), names["generate"]("a bc a")


def test_a_copy_computes_what_its_original_does() -> None:
    assert _run(rewritten(PROGRAM)) == _run(PROGRAM)


def test_a_copy_has_other_names_but_for_the_contract() -> None:
    copied = rewritten(PROGRAM)
    assert "class ModelOther" in copied
    assert "total_other" in copied
    assert "def train(text)" in copied and "def generate(prompt)" in copied


def test_a_copy_has_its_definitions_in_another_order() -> None:
    copied = rewritten(PROGRAM)
    assert copied.index("def generate") < copied.index("def train") < copied.index("class ModelOther")


def test_a_function_is_inlined_where_it_was_called() -> None:
    copied = rewritten(PROGRAM)
    train = next(node for node in ast.parse(copied).body if getattr(node, "name", "") == "train")
    assert "scaled" not in {node.id for node in ast.walk(train) if isinstance(node, ast.Name)}


def test_a_base_class_stays_before_what_inherits_from_it() -> None:
    program = "class Base: pass\nclass Heir(Base): pass\n"
    copied = rewritten(program)
    assert copied.index("class BaseOther") < copied.index("class HeirOther")


def test_only_the_named_functions_get_other_variables() -> None:
    changed = with_other_locals(PROGRAM, {"Model.forward"})
    assert "total_other" in changed
    assert "words_other" not in changed and "product_other" not in changed
    assert _run(changed) == _run(PROGRAM)


def test_naming_a_class_names_its_methods() -> None:
    assert "total_other" in with_other_locals(PROGRAM, {"Model"})


ATTRIBUTES = """
def make():
    class Box:
        size = 3

        def twice(self):
            return 2 * self.size

    return Box().twice()
"""


def test_attributes_of_a_class_within_a_function_keep_their_names() -> None:
    names: dict[str, Any] = {}
    exec(compile(rewritten(ATTRIBUTES), "program.py", "exec"), names)
    assert [value() for value in names.values() if callable(value)] == [6]
