"""Rewritten components are judged apart from the bugs around them: never wrongly fixed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from sandbox.job import Event, IssuedBug

Examined = Callable[..., dict[str, Any]]

MASKED = '        att = att.masked_fill(self.mask[:T, :T] == 0, float("-inf"))\n'
MASK = IssuedBug(
    id="mask",
    component="attention",
    properties=("causal",),
    find=MASKED,
    replace="        att = att * self.mask[:T, :T]\n",
)
PROJECTION = IssuedBug(
    id="projection",
    component="attention",
    properties=("runs",),
    find="        self.proj = nn.Linear(config.n_embd, config.n_embd)\n",
    replace="        self.proj = nn.Linear(self.head_dim, config.n_embd)\n",
    crashes=True,
)
BACKWARD = IssuedBug(
    id="backward",
    component="loop",
    properties=("parameters_move",),
    find="        loss.backward()\n        optimizer.step()\n",
    replace="        optimizer.step()\n",
)
SCALE = IssuedBug(
    id="scale",
    component="attention",
    properties=("attention_scale",),
    find=" / math.sqrt(self.head_dim)",
    replace="",
)
FILLED = "        att = att + torch.where(self.mask[:T, :T] > 0, 0.0, -1e9)\n"
WEAK = "        att = att.masked_fill(self.mask[:T, :T] == 0, -1.0)\n"


@pytest.fixture
def told(examined: Examined, shape: str) -> Callable[..., dict[str, str]]:
    """told(bugs, edits) is the status of each bug of a starter that was edited."""

    def examine(*bugs: IssuedBug, edits: dict[str, str], events: list[Event] | None = None) -> dict[str, str]:
        source = shape
        for bug in bugs:
            source = source.replace(bug.find, bug.replace)
        for old, new in edits.items():
            assert old in source
            source = source.replace(old, new)
        verdict = examined(source, bugs=bugs, events=events)
        assert verdict["outcome"] == "failed"
        return {entry["id"]: entry["status"] for entry in verdict["bugs"]}

    return examine


def test_a_right_rewrite_is_fixed_while_another_bug_stops_the_program(told: Callable[..., Any]) -> None:
    found = told(MASK, PROJECTION, edits={MASK.replace: FILLED})
    assert found == {"mask": "fixed", "projection": "broken"}


def test_a_wrong_rewrite_is_broken_while_another_bug_stops_the_program(told: Callable[..., Any]) -> None:
    found = told(MASK, PROJECTION, edits={MASK.replace: WEAK})
    assert found == {"mask": "broken", "projection": "broken"}


def test_of_two_bugs_in_one_function_the_one_that_shows_is_broken(told: Callable[..., Any]) -> None:
    found = told(MASK, SCALE, edits={MASK.replace: f"        att = att * self.head_dim**-0.5\n{WEAK}"})
    assert found == {"mask": "broken", "scale": "blocked"}


def test_of_two_bugs_in_one_function_neither_is_told_where_each_may_be_what_shows(
    told: Callable[..., Any],
) -> None:
    mask = replace(MASK, properties=("causal", "attention_scale"))
    found = told(mask, SCALE, edits={MASK.replace: f"        att = att * self.head_dim\n{WEAK}"})
    assert found == {"mask": "blocked", "scale": "blocked"}


def test_a_right_rewrite_beside_a_new_fault_elsewhere_is_fixed(told: Callable[..., Any]) -> None:
    found = told(MASK, edits={MASK.replace: FILLED, "optimizer.zero_grad()": "pass"})
    assert found == {"mask": "fixed"}


def test_the_right_text_in_a_class_that_nothing_uses_is_not_called_fixed(told: Callable[..., Any]) -> None:
    other = "self.attn = Attention(config)"
    edits = {
        MASK.replace: MASK.find,
        "self.attn = CausalSelfAttention(config)": other,
        "class MLP": "class Attention(nn.Module):\n"
        "    def __init__(self, config):\n        super().__init__()\n"
        "        self.proj = nn.Linear(config.n_embd, config.n_embd)\n\n    def forward(self, x):\n"
        "        return self.proj(x.mean(dim=1, keepdim=True).expand_as(x))\n\n\nclass MLP",
    }
    assert told(MASK, edits=edits) == {"mask": "blocked"}


def test_a_renamed_class_is_judged_by_the_file_with_the_other_bugs_out(told: Callable[..., Any]) -> None:
    found = told(MASK, BACKWARD, edits={MASK.replace: FILLED, "CausalSelfAttention": "Attention"})
    assert found == {"mask": "fixed", "backward": "broken"}


def test_the_verdict_on_the_whole_file_comes_first_and_then_each_open_bug(told: Callable[..., Any]) -> None:
    events: list[Event] = []
    told(MASK, PROJECTION, edits={MASK.replace: FILLED}, events=events)
    (whole,) = [event.data for event in events if event.kind == "verdict"]
    assert {bug["id"]: bug["status"] for bug in whole["bugs"]} == {"mask": "blocked", "projection": "broken"}
    assert [event.data for event in events if event.kind == "bug"] == [{"id": "mask", "status": "fixed"}]


def test_nothing_is_grafted_where_the_text_tells_of_every_bug(told: Callable[..., Any]) -> None:
    events: list[Event] = []
    told(MASK, PROJECTION, edits={MASK.replace: MASK.find}, events=events)
    assert not [event for event in events if event.kind in ("verdict", "bug")]


@pytest.mark.parametrize("value", ["+".join("1" * 320), "[" * 190 + "]" * 190, "0x" + "f" * 9000])
def test_a_file_that_no_program_can_be_composed_of_leaves_its_bugs_open(
    told: Callable[..., Any], value: str
) -> None:
    found = told(
        MASK, BACKWARD, edits={"import torch\n": f"import torch\nNUMBER = {value}\n", MASK.replace: WEAK}
    )
    assert found["mask"] == "blocked"
