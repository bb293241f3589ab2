"""What `overfit bench` measures and what it says of it; its measurements themselves are run by hand."""

from __future__ import annotations

import ast

import pytest

from app.commands.bench import Row, fixed_work
from app.settings import Settings


def defaults(source: str) -> dict[str, object]:
    train = next(
        node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef) and node.name == "train"
    )
    names = [argument.arg for argument in train.args.args][-len(train.args.defaults) :]
    return {name: ast.literal_eval(value) for name, value in zip(names, train.args.defaults, strict=True)}


def test_the_fixed_work_is_sixty_steps_whatever_the_shape_says() -> None:
    job = fixed_work(Settings())
    assert defaults(job.source)["steps"] == 60
    assert defaults(job.source) == defaults(job.shape) | {"steps": 60}


@pytest.mark.parametrize(
    ("ratio", "more_is_better", "met"),
    [(2.0, False, True), (2.1, False, False), (2.0, True, True), (1.9, True, False)],
)
def test_a_row_is_met_up_to_its_bar(ratio: float, more_is_better: bool, met: bool) -> None:
    row = Row(name="cost", ratio=ratio, bar=2, aim=1, more_is_better=more_is_better)
    assert row.met == met
    assert ("MISSED" in str(row)) != met
