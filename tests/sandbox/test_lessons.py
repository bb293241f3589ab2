"""Our own training loop over a model that a submission made."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sandbox.lessons import Lessons

IDS, OF = torch.tensor([0, 1, 2, 3]), torch.tensor([3, 0, 1, 2])


def a_model(*, sparse: bool = False) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Embedding(4, 8, sparse=sparse), nn.Linear(8, 4))


def loss_of(model: nn.Module) -> Callable[[], Tensor]:
    return lambda: F.cross_entropy(model(IDS), OF)


def values(model: nn.Module) -> Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def test_lessons_are_steps_of_adam() -> None:
    taught, plain = a_model(), a_model()
    Lessons(taught, rate=0.01).give(7, loss_of(taught))
    adam = torch.optim.Adam(plain.parameters(), lr=0.01, betas=(0.9, 0.98))
    for _ in range(7):
        adam.zero_grad()
        loss_of(plain)().backward()  # type: ignore[no-untyped-call]
        adam.step()
    assert torch.allclose(values(taught), values(plain))


def test_lessons_in_parts_are_those_in_one() -> None:
    in_parts, in_one = a_model(), a_model()
    lessons = Lessons(in_parts, rate=0.01)
    lessons.give(3, loss_of(in_parts))
    lessons.give(4, loss_of(in_parts))
    Lessons(in_one, rate=0.01).give(7, loss_of(in_one))
    assert torch.equal(values(in_parts), values(in_one))


def test_gradients_from_before_do_not_count() -> None:
    stale, fresh = a_model(), a_model()
    (100 * loss_of(stale)()).backward()  # type: ignore[no-untyped-call]
    for model in (stale, fresh):
        Lessons(model, rate=0.01).give(1, loss_of(model))
    assert torch.equal(values(stale), values(fresh))


def test_a_sparse_gradient_teaches_as_a_dense_one() -> None:
    sparse, dense = a_model(sparse=True), a_model()
    for model in (sparse, dense):
        Lessons(model, rate=0.01).give(3, loss_of(model))
    assert torch.allclose(values(sparse), values(dense))


def test_what_is_frozen_stays() -> None:
    model = a_model()
    table = next(model.parameters()).requires_grad_(False)
    before = table.clone()
    Lessons(model, rate=0.01).give(3, loss_of(model))
    assert torch.equal(table, before)


def test_a_submission_that_puts_its_own_in_adams_place_is_taught_by_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.optim, "Adam", None)
    model = a_model()
    first = loss_of(model)().item()
    Lessons(model, rate=0.01).give(20, loss_of(model))
    assert loss_of(model)().item() < first
