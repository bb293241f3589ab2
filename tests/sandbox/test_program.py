"""Programs are compared by what they say, and their definitions put into one another."""

from __future__ import annotations

import pytest

from sandbox.program import Program

CLEAN = """
class Config:
    width: int = 4

class Layer:
    def __init__(self):
        self.scale = 2

    def forward(self, x):
        return x * self.scale

def loss_of(model):
    return model.forward(1)

def train(text):
    return loss_of(Layer())

def generate(model):
    return model

if __name__ == "__main__":
    train("a")
"""
EDITED = (
    CLEAN.replace("x * self.scale", "half(x)").replace("self.scale = 2", "self.scale = 9")
    + """
def half(x):
    return x / 2
"""
)


def test_a_function_reads_the_same_whatever_its_layout_and_comments() -> None:
    written = CLEAN.replace(
        "return x * self.scale", "# a comment\n        return (x\n            * self.scale)"
    )
    assert Program(written).text("Layer.forward") == Program(CLEAN).text("Layer.forward")


def test_the_innermost_function_encloses_a_line() -> None:
    line = CLEAN.splitlines().index("        return x * self.scale") + 1
    assert Program(CLEAN).enclosing(line, line) == "Layer.forward"
    assert Program(CLEAN).enclosing(1, 1) is None


def test_a_name_that_is_defined_twice_counts_as_none() -> None:
    twice = Program(CLEAN + "\ndef loss_of(model):\n    return 0\n")
    assert "loss_of" not in twice.definitions and twice.text("loss_of") is None


def test_what_the_contract_leads_to_is_reached_through_names_and_aliases() -> None:
    aliased = CLEAN.replace("loss_of(Layer())", "measure(Layer())") + "\nmeasure = loss_of\n"
    assert {"Layer", "loss_of", "measure"} <= Program(aliased).reached
    unused = CLEAN.replace("loss_of(Layer())", "Layer()")
    assert "loss_of" not in Program(unused).reached


def test_functions_are_taken_from_another_program() -> None:
    mixed = Program(EDITED).with_functions(Program(CLEAN), {"Layer.forward"})
    assert "x * self.scale" in mixed.unparsed() and "self.scale = 9" in mixed.unparsed()
    assert "half(x)" in Program(EDITED).unparsed()  # the program itself stays as it is


def test_a_graft_keeps_one_definition_and_all_that_is_new() -> None:
    edited = Program(
        EDITED.replace("return model.forward(1)", "return 0").replace("width: int = 4", "width: int = 8")
    )
    graft = edited.hosted_by(Program(CLEAN), keep="Layer").unparsed()
    assert "return half(x)" in graft and "def half(x)" in graft
    assert "return model.forward(1)" in graft
    assert "width: int = 8" in graft


def test_a_definition_that_the_submission_lacks_comes_back_in_a_graft() -> None:
    merged = Program(CLEAN.replace("def loss_of(model):\n    return model.forward(1)\n", ""))
    graft = merged.hosted_by(Program(CLEAN), keep="Layer").unparsed()
    assert graft.index("def loss_of") < graft.index("if __name__")


@pytest.mark.parametrize("source", ["def f(:", "\0"])
def test_a_source_that_does_not_parse_is_refused(source: str) -> None:
    with pytest.raises((SyntaxError, ValueError)):
        Program(source)
