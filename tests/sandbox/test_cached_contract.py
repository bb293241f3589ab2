"""The names that the contract `kv_cache` adds, and what is said where they are not as agreed."""

from __future__ import annotations

import types
from typing import Any

import pytest
import torch
from torch import nn

from sandbox import cached_contract
from sandbox.contracts import CONTRACTS
from sandbox.failures import ContractError
from sandbox.feeding import TokenCount, feed

BASE = """
def train(text, steps=1, lr=1.0, seed=0): ...
def generate(model, tokenizer, prompt, max_new_tokens): ...
"""
NEW = "def new_caches(model): ...\n"
CACHED = "def generate_cached(model, tokenizer, prompt, max_new_tokens): ...\n"


def module(source: str) -> types.ModuleType:
    made = types.ModuleType("submission")
    exec(source, made.__dict__)
    return made


class Cache:
    def __init__(self, length: Any = 0, stored: Any = (None, None)) -> None:
        self._length, self._stored = length, stored

    def length(self) -> Any:
        return self._length

    def get(self) -> Any:
        return self._stored

    def update(self, k: Any, v: Any) -> None:
        self._length += k


class Model(nn.Module):
    def forward(self, idx: torch.Tensor, caches: Any = None) -> torch.Tensor:
        if caches is not None:
            caches[0].update(idx.shape[1], None)
        return torch.zeros(*idx.shape, 5)


def test_a_file_with_all_names_is_accepted() -> None:
    CONTRACTS["kv_cache"](module(BASE + NEW + CACHED))


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (NEW + CACHED, "`train` is missing"),
        (BASE + CACHED, "`new_caches` is missing. Expected new_caches(model) -> list[KVCache]"),
        (BASE + NEW, "`generate_cached` is missing. Expected generate_cached(model, tokenizer"),
        (BASE + "new_caches = 3\n" + CACHED, "`new_caches` is a value of type int, not a function."),
        (BASE + "def new_caches(): ...\n" + CACHED, "`new_caches` can't be called with one value."),
        (BASE + NEW + "def generate_cached(model): ...\n", "`generate_cached` can't be called with four"),
    ],
)
def test_a_missing_or_odd_name_is_named(source: str, words: str) -> None:
    with pytest.raises(ContractError) as raised:
        CONTRACTS["kv_cache"](module(source))
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        ("None", "`new_caches` returned None."),
        ("[]", "`new_caches` returned 0 values."),
        ("[1]", "a value of type int, has no method `length`"),
        ("[1] * 500", "`new_caches` returned 500 caches."),
    ],
)
def test_caches_that_are_none_are_refused(returned: str, words: str) -> None:
    with pytest.raises(ContractError) as raised:
        cached_contract.make_caches(module(f"def new_caches(model): return {returned}\n"), Model())
    assert words in str(raised.value)


@pytest.mark.parametrize("length", [None, 1.5, "3", True])
def test_a_length_is_a_whole_number(length: Any) -> None:
    with pytest.raises(ContractError, match=r"`length\(\)` of a cache returned"):
        cached_contract.length_of(Cache(length))


def test_what_is_stored_in_another_form_is_left_out() -> None:
    for stored in (None, 3, (1, 2), (torch.zeros(1), None), [torch.zeros(1)] * 3):
        assert cached_contract.stored_in(Cache(0, stored)) is None


def test_a_model_that_takes_no_caches_is_told_so() -> None:
    class Plain(nn.Module):
        def forward(self, idx: torch.Tensor) -> torch.Tensor:
            return idx

    with pytest.raises(ContractError, match="The model takes no caches"):
        cached_contract.call_model(Plain(), torch.zeros(1, 1), [Cache()])


def test_a_plan_is_fed_step_by_step_over_new_caches() -> None:
    made = module("")
    made.new_caches = lambda model: [Cache()]  # type: ignore[attr-defined]
    answer = feed(made, Model(), torch.zeros(2, 6, dtype=torch.long), plan=[3, 1, 2])
    assert answer.fields == {"lengths": [[3], [4], [6]]}
    assert {key: array.shape for key, array in answer.arrays.items()} == {
        "logits 0": (2, 3, 5),
        "logits 1": (2, 1, 5),
        "logits 2": (2, 2, 5),
    }


def test_without_a_step_the_lengths_are_told_with_which_new_caches_begin() -> None:
    made = module("")
    made.new_caches = lambda model: [Cache(), Cache(length=2)]  # type: ignore[attr-defined]
    answer = feed(made, Model(), torch.zeros(1, 0, dtype=torch.long), plan=[])
    assert answer.fields == {"lengths": [[0, 2]]}
    assert answer.arrays == {}


def test_tokens_are_counted_by_forward_pass_and_the_model_is_left_as_it_was() -> None:
    model = Model()
    with TokenCount(model) as fed:
        for size in (8, 1, 1):
            model(torch.zeros(1, size, dtype=torch.long), None)
    assert fed.counts == [8, 1, 1]
    assert "forward" not in vars(model)
