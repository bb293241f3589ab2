"""The stub that answers for the model while it generates."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from sandbox.arrays import to_array
from sandbox.stub import Stub, next_choices

VOCABULARY = 11
IDS = st.lists(st.integers(0, VOCABULARY - 1), min_size=1, max_size=30)


class Model(nn.Module):
    """Logits of a token and of those that it remembers to have seen."""

    def __init__(self, *, dropout: float, remembers: bool = False, keeps_graph: bool = False):
        super().__init__()
        self.table = nn.Embedding(VOCABULARY, VOCABULARY)
        self.dropout = nn.Dropout(dropout)
        self.remembers, self.keeps_graph = remembers, keeps_graph
        self.seen: list[Tensor] = []
        self.last: Tensor | None = None

    def forward(self, idx: Tensor) -> Tensor:
        x: Tensor = self.dropout(self.table(idx))  # (B, T, V)
        if self.remembers:
            self.seen.append(x.detach().sum(dim=1, keepdim=True))
            x = x + torch.stack(self.seen).sum(dim=0)
        if self.keeps_graph:
            self.last = x
        return x


def is_noisy(model: Model) -> bool:
    with Stub(model, choices=to_array(torch.arange(VOCABULARY))) as stub:
        model(torch.tensor([[1, 2, 3, 4]]))
    return stub.noisy


@given(IDS)
def test_what_follows_a_prefix_does_not_depend_on_what_comes_after_it(ids: list[int]) -> None:
    whole = next_choices(ids, choices=VOCABULARY)
    assert [next_choices(ids[:n], choices=VOCABULARY)[-1] for n in range(1, len(ids) + 1)] == whole


def test_the_model_has_its_own_forward_again_afterwards() -> None:
    model = Model(dropout=0.0)
    with Stub(model, choices=to_array(torch.arange(VOCABULARY))):
        assert "forward" in vars(model)
    assert "forward" not in vars(model)


@pytest.mark.parametrize("dropout", [0.0, 0.5])
@pytest.mark.parametrize("remembers", [False, True])
def test_dropout_is_told_from_a_memory_within_the_model(dropout: float, remembers: bool) -> None:
    torch.manual_seed(0)
    assert is_noisy(Model(dropout=dropout, remembers=remembers)) == (dropout > 0)


def test_dropout_that_is_switched_off_is_no_noise() -> None:
    assert not is_noisy(Model(dropout=0.5).eval())


def test_dropout_is_told_in_a_model_that_cannot_be_copied() -> None:
    model = Model(dropout=0.5, keeps_graph=True)
    model(torch.tensor([[1, 2]]))
    assert is_noisy(model)


def test_dropout_is_told_in_a_model_with_its_own_way_to_be_copied() -> None:
    class Copied(Model):
        def __deepcopy__(self, memo: dict[int, object]) -> Copied:
            twin = Copied(dropout=0.5)
            twin.load_state_dict(self.state_dict())
            return twin

    assert is_noisy(Copied(dropout=0.5))


def test_asking_for_noise_leaves_no_trace_in_the_models_memory() -> None:
    model = Model(dropout=0.0, remembers=True)
    is_noisy(model)
    assert len(model.seen) == 1  # the one forward that shows the form of an answer
