"""The numbers of pictures: what they are for programs with one thing changed, and that they stay small."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from sandbox.pictures import MOST_CHARACTERS, MOST_POSITIONS, MOST_TENSORS
from sandbox.probing import broken, held, picture_data
from tests.sandbox.conftest import SENTENCE

Examined = Callable[..., dict[str, Any]]
INIT = "        nn.init.normal_(self.position_embedding, std=0.02)\n"


@pytest.fixture
def data(examined: Examined, shape: str) -> Callable[..., dict[str, Any]]:
    """data(find, replacement) is the data of each property of the shape so changed."""

    def run(find: str, replacement: str, **more: Any) -> dict[str, Any]:
        assert find in shape
        verdict = examined(shape.replace(find, replacement), **more)
        return {entry["name"]: entry["data"] for entry in verdict["properties"]}

    return run


def test_a_property_that_holds_is_drawn_for_the_mask_alone(examined: Examined, shape: str) -> None:
    verdict = examined(shape)
    assert [entry["name"] for entry in verdict["properties"] if entry["data"]] == ["causal"]


def test_the_gradients_of_both_stand_side_by_side(data: Callable[..., dict[str, Any]]) -> None:
    found = data("tokens + positions", "tokens + positions.detach()")["gradients_reach"]
    tensors = {name: values for name, *values in found["tensors"]}
    assert len(tensors) == found["of"] == 30
    yours, reference = tensors.pop("position_embedding")
    assert yours is None and reference == pytest.approx(-0.7, abs=0.5)
    assert all(yours == reference for yours, reference in tensors.values())  # drawn alike, asked alike


def test_a_parameter_that_the_submission_lacks_is_not_named(data: Callable[..., dict[str, Any]]) -> None:
    find = "nn.Parameter(torch.empty(config.block_size, config.n_embd))"
    replacement = "torch.empty(config.block_size, config.n_embd); self.idle = nn.Parameter(torch.ones(3))"
    found = data(find, replacement)["gradients_reach"]
    assert ["idle", None] in found["tensors"]
    assert "position_embedding" not in json.dumps(found)


def test_many_parameters_with_long_names_are_cut(data: Callable[..., dict[str, Any]]) -> None:
    many = "[self.register_parameter('x' * 200 + str(i), nn.Parameter(torch.ones(1))) for i in range(300)]"
    found = data(INIT, f"{INIT}        {many}\n")["gradients_reach"]
    assert len(found["tensors"]) == MOST_TENSORS
    assert {len(name) for name, *_ in found["tensors"]} == {MOST_CHARACTERS}
    assert found["of"] == 330
    assert len(json.dumps(found)) < 4000


def test_the_rows_of_attention_are_those_of_the_opening(data: Callable[..., dict[str, Any]]) -> None:
    find = "F.softmax(att, dim=-1)"
    found = data(find, f"{find} * torch.arange(1, T + 1)[:, None]")["attention_rows"]
    assert found["chars"] == list(SENTENCE[:12])
    assert [round(sum(row), 2) for row in found["matrix"]] == list(range(1, 13))
    assert [round(sum(row), 2) for row in found["reference"]] == [1.0] * 12
    assert all(value == 0 for i, row in enumerate(found["reference"]) for value in row[i + 1 :])


def test_a_single_head_has_rows_as_well(examined: Examined, shape: str) -> None:
    source = shape.replace("n_head: int = 4", "n_head: int = 1")
    verdict = examined(source.replace("F.softmax(att, dim=-1)", "torch.sigmoid(att)"))
    found = next(entry["data"] for entry in verdict["properties"] if entry["name"] == "attention_rows")
    assert len(found["matrix"]) == 12


@pytest.mark.parametrize(
    ("replacement", "norm"),
    [(INIT.replace("0.02", "20"), 160.0), (INIT.replace("normal_", "ones_").replace(", std=0.02", ""), 8.0)],
)
def test_norms_of_positions_stand_beside_those_of_tokens(
    data: Callable[..., dict[str, Any]], replacement: str, norm: float
) -> None:
    found = data(INIT, replacement)["position_init"]
    assert len(found["rows"]) == MOST_POSITIONS
    assert found["rows"] == pytest.approx([norm] * MOST_POSITIONS, rel=0.4)
    assert found["tokens"] == pytest.approx(0.16, rel=0.2)
    assert found["reference"]["rows"] == pytest.approx([0.16] * MOST_POSITIONS, rel=0.5)
    assert found["reference"]["tokens"] == pytest.approx(0.16, rel=0.2)


def test_a_table_that_was_never_set_has_no_norms(data: Callable[..., dict[str, Any]]) -> None:
    found = data(INIT, "")["position_init"]
    assert found["rows"] == [None] * MOST_POSITIONS
    assert None not in found["reference"]["rows"]


def test_without_a_clean_program_nothing_stands_beside(data: Callable[..., dict[str, Any]]) -> None:
    found = data(INIT, INIT.replace("0.02", "20"), shape="")
    assert "reference" not in found["position_init"]
    assert "reference" not in found["causal"]


def test_a_picture_never_costs_a_finding() -> None:
    def fails() -> dict[str, Any]:
        raise ZeroDivisionError

    assert picture_data(broken("It is so.", picture=fails)) == {}
    assert picture_data(held(picture=lambda: {"rows": []})) == {"rows": []}
    assert picture_data(held()) == {}
