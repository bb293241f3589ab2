"""The file contract of a classifier: what is missing or has another form is said in words."""

from __future__ import annotations

import types

import pytest
import torch
from torch import nn

from sandbox import classifier_contract as contract
from sandbox.failures import ContractError

RIGHT = """
import torch

class GPTConfig:
    pass

class GPTClassifier(torch.nn.Module):
    def __init__(self, config, num_classes):
        super().__init__()
        self.num_classes = num_classes

    def forward(self, idx, mask=None):
        return torch.zeros(len(idx), self.num_classes)

def train(steps=3, lr=0.1, seed=0):
    return GPTClassifier(GPTConfig(), 3), [1.0] * steps
"""


def module_of(source: str) -> types.ModuleType:
    module = types.ModuleType("submission")
    exec(source, module.__dict__)
    return module


def test_a_file_of_the_agreed_form_is_accepted() -> None:
    module = module_of(RIGHT)
    contract.check_names(module)
    model, losses = contract.call_train(module, {"steps": 2})
    ids = torch.zeros(4, 5, dtype=torch.long)
    assert losses == [1.0, 1.0]
    assert contract.call_model(model, ids, None).shape == (4, 3)
    assert contract.call_model(contract.build(module, 7), ids, torch.ones_like(ids)).shape == (4, 7)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("def train(", "def learn(", "`train` is missing. Expected train(steps=..., lr=..., seed=0)"),
        ("def train(steps=3, lr=0.1, seed=0)", "def train(steps, lr=0.1, seed=0)", "without a value"),
        ("lr=0.1, seed=0)", "lr=0.1)", "`train` takes no `seed`"),
        ("steps=3, lr=0.1, seed=0)", "steps=3, lr=0.1, /, seed=0)", "`train` takes no `steps` by its name"),
        ("class GPTConfig:\n    pass", "GPTConfig = None", "`GPTConfig` is missing"),
        (
            "class GPTConfig:\n    pass",
            "def GPTConfig(vocab_size): ...",
            "`GPTConfig` can't be called without a value",
        ),
        (
            "self, config, num_classes)",
            "self, config)",
            "`GPTClassifier` can't be made from (config, num_classes)",
        ),
    ],
)
def test_a_name_of_another_form_is_said(old: str, new: str, message: str) -> None:
    assert old in RIGHT
    with pytest.raises(ContractError) as error:
        contract.check_names(module_of(RIGHT.replace(old, new)))
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ("None", "`train` returned None. Expected"),
        ("GPTClassifier(GPTConfig(), 3), None, [1.0]", "`train` returned 3 values"),
        ("None, [1.0]", "The model that `train` returned is None"),
        ("GPTClassifier(GPTConfig(), 3), 0.5", "The losses that `train` returned are a value of type float"),
    ],
)
def test_what_train_returns_is_looked_at(returned: str, message: str) -> None:
    source = RIGHT.replace("return GPTClassifier(GPTConfig(), 3), [1.0] * steps", f"return {returned}")
    with pytest.raises(ContractError) as error:
        contract.call_train(module_of(source), {})
    assert message in str(error.value)


def test_a_model_without_scores_is_said() -> None:
    class Silent(nn.Module):
        def forward(self, idx: torch.Tensor, mask: torch.Tensor) -> str:
            return "two"

    ids = torch.zeros(1, 2, dtype=torch.long)
    with pytest.raises(
        ContractError, match=r"The model returned a value of type str\. Expected: model\(idx, mask"
    ):
        contract.call_model(Silent(), ids, ids)


TOKENS = """
import torch

class GPTConfig:
    pass

class GPT(torch.nn.Module):
    def __init__(self, config):
        super().__init__()

    def classify(self, idx):
        return torch.zeros(*idx.shape, 2)

def train(steps=3, lr=0.1, seed=0):
    return GPT(GPTConfig()), [1.0] * steps
"""


def test_a_file_with_a_head_for_tokens_is_accepted() -> None:
    module = module_of(TOKENS)
    contract.check_token_names(module)
    model, _ = contract.call_train(module, {})
    assert contract.call_classify(model, torch.zeros(2, 5, dtype=torch.long)).shape == (2, 5, 2)


def test_a_model_that_can_not_classify_is_said() -> None:
    with pytest.raises(ContractError, match=r"`GPT` has no `classify`\. Expected model\.classify\(idx\)"):
        contract.check_token_names(module_of(TOKENS.replace("def classify", "def label")))
