"""What the text of a submission tells of each issued bug: never wrongly fixed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sandbox.bugs import bug_entries, stands, told_by_text
from sandbox.job import IssuedBug, Job

SHAPE = """
class Attention:
    def forward(self, x):
        att = score(x)
        att = mask(att)
        return att @ x


def train(text):
    model = Attention(text)
    loss = loss_of(model)
    loss.backward()
    step()
"""

MASK = IssuedBug(
    id="mask",
    component="attention",
    properties=("causal",),
    find="        att = mask(att)\n",
    replace="        mask(att)\n",
)
STEP = IssuedBug(
    id="step",
    component="loop",
    properties=("loss_falls",),
    find="    loss.backward()\n    step()\n",
    replace="    loss.backward()\n",
)
BUGGED = SHAPE.replace(MASK.find, MASK.replace).replace(STEP.find, STEP.replace)


def statuses(
    source: str, *, broken: tuple[str, ...] = (), bugs: tuple[IssuedBug, ...] = (MASK, STEP)
) -> dict[str, str]:
    properties: list[dict[str, Any]] = [{"name": name, "status": "broken"} for name in broken]
    return dict(told_by_text(_job(source, bugs), properties=properties))


def _job(source: str, bugs: tuple[IssuedBug, ...] = (MASK, STEP)) -> Job:
    return Job(kind="check", source=source, text="", problem="gpt", probes="", shape=SHAPE, bugs=bugs)


def test_the_starter_has_every_bug_broken() -> None:
    assert statuses(BUGGED) == {"mask": "broken", "step": "broken"}


def test_a_restored_function_is_fixed_whatever_else_is_broken() -> None:
    source = BUGGED.replace(MASK.replace, "        # a comment\n        att = mask( att )\n")
    assert statuses(source, broken=("loss_falls", "objective")) == {"mask": "fixed", "step": "broken"}


def test_of_two_bugs_in_one_function_each_is_told() -> None:
    score = replace(MASK, id="score", find="        att = score(x)\n", replace="        att = -score(x)\n")
    source = SHAPE.replace(score.find, score.replace)
    assert statuses(source, bugs=(MASK, score)) == {"mask": "fixed", "score": "broken"}


def test_a_restored_function_beside_its_symptom_is_left_open() -> None:
    assert statuses(SHAPE, broken=("causal",)) == {"step": "fixed"}


def test_a_rewritten_function_is_left_open() -> None:
    source = BUGGED.replace("mask(att)", "att = att * 0.5")
    assert statuses(source, broken=("causal",)) == {"step": "broken"}


def test_a_function_that_nothing_leads_to_any_more_is_left_open() -> None:
    assert statuses(SHAPE.replace("model = Attention(text)", "model = Other(text)")) == {}


def test_the_bugged_text_beside_the_clean_one_is_left_open() -> None:
    source = SHAPE.replace("        att = mask(att)\n", "        mask(att)\n        att = mask(att)\n")
    assert "mask" not in statuses(source)


def test_a_second_definition_of_the_same_name_is_left_open() -> None:
    assert "step" not in statuses(SHAPE + "\n\ndef train(text):\n    pass\n")


@pytest.mark.parametrize("source", ["def f(:\n", "\0", "(" * 3000 + ")" * 3000])
def test_a_source_that_does_not_parse_tells_nothing(source: str) -> None:
    assert statuses(source) == {}


@pytest.mark.parametrize("value", ["+".join("1" * 900), "[" * 190 + "]" * 190, "0x" + "f" * 9000])
def test_a_source_that_cannot_be_written_out_again_tells_what_stands_in_it(value: str) -> None:
    deep = BUGGED.replace("def train(", f"NUMBER = {value}\n\n\ndef train(", 1)
    assert deep != BUGGED
    assert set(statuses(deep).values()) <= {"broken"}


def test_in_a_source_that_does_not_parse_the_bugged_text_still_stands() -> None:
    assert statuses(BUGGED + "\ndef f(:\n") == {"mask": "broken"}


def test_of_a_bug_that_took_lines_out_no_text_can_stand() -> None:
    assert stands(MASK, BUGGED) and not stands(STEP, BUGGED)


def test_entries_keep_the_order_of_issue_and_what_was_not_told_is_blocked() -> None:
    job = _job(BUGGED, (STEP, MASK))
    assert bug_entries(job=job, told={"mask": "broken"}, passed=False) == [
        {"id": "step", "status": "blocked", "properties": ["loss_falls"]},
        {"id": "mask", "status": "broken", "properties": ["causal"]},
    ]


def test_a_passing_program_has_every_bug_fixed_however_it_is_written() -> None:
    entries = bug_entries(job=_job("anything = 1"), told={"mask": "broken"}, passed=True)
    assert [entry["status"] for entry in entries] == ["fixed", "fixed"]
