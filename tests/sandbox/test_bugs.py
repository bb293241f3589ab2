"""The status of each issued bug, judged from the source and the properties: never wrongly fixed."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.bugs import bug_entries
from sandbox.job import IssuedBug, Job

SHAPE = """
class Attention:
    def forward(self, x):
        att = score(x)
        att = mask(att)
        return att @ x


def train(model):
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


def statuses(source: str, *, broken: tuple[str, ...] = (), passed: bool = False) -> dict[str, str]:
    job = Job(kind="check", source=source, text="", problem="gpt", probes="", shape=SHAPE, bugs=(MASK, STEP))
    properties: list[dict[str, Any]] = [{"name": name, "status": "broken"} for name in broken]
    entries = bug_entries(job=job, properties=properties, passed=passed)
    return {entry["id"]: entry["status"] for entry in entries}


def test_the_starter_has_every_bug_broken() -> None:
    assert statuses(BUGGED) == {"mask": "broken", "step": "broken"}


def test_a_restored_function_is_fixed_whatever_else_is_broken() -> None:
    source = BUGGED.replace(MASK.replace, "        # a comment\n        att = mask( att )\n")
    assert statuses(source, broken=("loss_falls", "objective")) == {"mask": "fixed", "step": "broken"}


def test_a_restored_function_beside_its_symptom_is_not_called_fixed() -> None:
    assert statuses(SHAPE, broken=("causal",))["mask"] == "blocked"


def test_a_passing_program_has_every_bug_fixed_however_it_is_written() -> None:
    assert statuses("anything = 1", passed=True) == {"mask": "fixed", "step": "fixed"}


def test_a_rewrite_that_breaks_the_bugs_own_property_is_broken() -> None:
    source = SHAPE.replace("att = mask(att)", "att = att * 0.5")
    assert statuses(source, broken=("causal",))["mask"] == "broken"


def test_a_property_that_another_bug_may_explain_tells_nothing() -> None:
    job_bug = IssuedBug(id="other", component="attention", properties=("causal",), find="x", replace="y")
    job = Job(
        kind="check",
        source=SHAPE.replace("att = mask(att)", "att = att * 0.5"),
        text="",
        problem="gpt",
        probes="",
        shape=SHAPE,
        bugs=(MASK, job_bug),
    )
    entries = bug_entries(job=job, properties=[{"name": "causal", "status": "broken"}], passed=False)
    assert entries[0]["status"] == "blocked"


def test_a_rewrite_whose_property_holds_is_not_called_fixed() -> None:
    source = SHAPE.replace("att = mask(att)", "att = att * 0.5")
    assert statuses(source, broken=("loss_falls",))["mask"] == "blocked"


def test_the_bugged_text_beside_the_clean_one_is_not_called_fixed() -> None:
    source = SHAPE.replace("        att = mask(att)\n", "        mask(att)\n        att = mask(att)\n")
    assert statuses(source)["mask"] == "blocked"


def test_a_second_definition_of_the_same_name_is_not_called_fixed() -> None:
    assert statuses(SHAPE + "\n\ndef train(model):\n    pass\n")["step"] == "blocked"


@pytest.mark.parametrize("source", ["def f(:\n", "\0", "(" * 3000 + ")" * 3000])
def test_a_source_that_does_not_parse_leaves_every_bug_untold(source: str) -> None:
    assert set(statuses(source).values()) == {"blocked"}


def test_entries_keep_the_order_of_issue_and_name_their_properties() -> None:
    job = Job(kind="check", source=BUGGED, text="", problem="gpt", probes="", shape=SHAPE, bugs=(STEP, MASK))
    assert bug_entries(job=job, properties=[], passed=False) == [
        {"id": "step", "status": "broken", "properties": ["loss_falls"]},
        {"id": "mask", "status": "broken", "properties": ["causal"]},
    ]
