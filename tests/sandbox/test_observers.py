"""What the observers record of a training, and that they change nothing about it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sandbox.observers import StaleWatch, TrainingWatch, watch_losses

V = 7
IDS = torch.tensor([[3, 1, 4, 0, 5, 2, 6]])
Loop = Callable[[nn.Module, int], None]


class Bigrams(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(V, 5)
        self.head = nn.Linear(5, V)

    def forward(self, ids: Tensor) -> Tensor:
        logits: Tensor = self.head(self.table(ids))
        return logits


def loss_of(model: nn.Module) -> Tensor:
    return F.cross_entropy(model(IDS)[0, :-1], IDS[0, 1:])


def adam(model: nn.Module, steps: int) -> None:
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    for _ in range(steps):
        optimizer.zero_grad()
        loss_of(model).backward()  # type: ignore[no-untyped-call]
        optimizer.step()


def fused(model: nn.Module, steps: int) -> None:
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, fused=True)
    for _ in range(steps):
        optimizer.zero_grad()
        loss_of(model).backward()  # type: ignore[no-untyped-call]
        optimizer.step()


def manual(model: nn.Module, steps: int) -> None:
    for _ in range(steps):
        loss_of(model).backward()  # type: ignore[no-untyped-call]
        with torch.no_grad():
            for parameter in model.parameters():
                assert parameter.grad is not None
                parameter.sub_(0.1 * parameter.grad)
                parameter.grad.zero_()


def through_data(model: nn.Module, steps: int) -> None:
    for _ in range(steps):
        model.zero_grad()
        loss_of(model).backward()  # type: ignore[no-untyped-call]
        for parameter in model.parameters():
            assert parameter.grad is not None
            parameter.data = parameter.data - 0.1 * parameter.grad


def autograd_grad(model: nn.Module, steps: int) -> None:
    for _ in range(steps):
        gradients = torch.autograd.grad(loss_of(model), list(model.parameters()))
        with torch.no_grad():
            for parameter, gradient in zip(model.parameters(), gradients, strict=True):
                parameter.sub_(0.1 * gradient)


def accumulated(model: nn.Module, steps: int) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(steps):
        (loss_of(model) / 2).backward()  # type: ignore[no-untyped-call]
        (loss_of(model) / 2).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad(set_to_none=False)


def functional(model: nn.Module, steps: int) -> None:
    parameters = dict(model.named_parameters())

    def objective(values: dict[str, Tensor]) -> Tensor:
        logits = torch.func.functional_call(model, values, (IDS,))
        return F.cross_entropy(logits[0, :-1], IDS[0, 1:])

    for _ in range(steps):
        gradients = torch.func.grad(objective)({k: p.detach() for k, p in parameters.items()})
        with torch.no_grad():
            for name, parameter in parameters.items():
                parameter.sub_(0.1 * gradients[name])


def never_cleared(model: nn.Module, steps: int) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(steps):
        loss_of(model).backward()  # type: ignore[no-untyped-call]
        optimizer.step()


ALL_LOOPS = [adam, fused, manual, through_data, autograd_grad, accumulated, functional, never_cleared]


def trained(loop: Loop, *, watched: bool, steps: int = 3) -> tuple[Bigrams, TrainingWatch]:
    torch.manual_seed(0)
    model = Bigrams()
    watch = TrainingWatch(vocab=V)
    if watched:
        with watch:
            loop(model, steps)
    else:
        loop(model, steps)
    return model, watch


@pytest.mark.parametrize("loop", ALL_LOOPS)
def test_a_watched_training_ends_where_an_unwatched_one_does(loop: Loop) -> None:
    alone, _ = trained(loop, watched=False)
    watched, _ = trained(loop, watched=True)
    for one, other in zip(alone.parameters(), watched.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("loop", [adam, fused, manual, through_data, autograd_grad, accumulated])
def test_no_gradient_of_a_right_loop_is_stale(loop: Loop) -> None:
    _, watch = trained(loop, watched=True)
    assert watch.stale == [0] * (6 if loop is accumulated else 3)


def test_a_loop_that_never_clears_is_stale_from_its_second_backward_on() -> None:
    _, watch = trained(never_cleared, watched=True, steps=4)
    assert watch.stale == [0, 3, 3, 0]


def cleared_but_for_the_third(model: nn.Module, steps: int, *, fused: bool = False) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, fused=fused)
    for step in range(steps):
        loss_of(model).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if step % 3 != 2:
            optimizer.zero_grad()


def cleared_but_for_the_third_through_data(model: nn.Module, steps: int) -> None:
    for step in range(steps):
        loss_of(model).backward()  # type: ignore[no-untyped-call]
        for parameter in model.parameters():
            assert parameter.grad is not None
            parameter.data -= 0.1 * parameter.grad
        if step % 3 != 2:
            model.zero_grad()


def later(loop: Loop, *, steps: int) -> list[int]:
    torch.manual_seed(0)
    with StaleWatch() as watch:
        loop(Bigrams(), steps)
    return watch.stale


@pytest.mark.parametrize("loop", [adam, fused, manual, through_data, accumulated])
def test_over_a_whole_training_no_gradient_of_a_right_loop_is_stale(loop: Loop) -> None:
    assert set(later(loop, steps=4)) == {0}


@pytest.mark.parametrize(
    "loop",
    [
        cleared_but_for_the_third,
        partial(cleared_but_for_the_third, fused=True),
        cleared_but_for_the_third_through_data,
    ],
    ids=["counted", "fused", "through data"],
)
def test_over_a_whole_training_a_gradient_that_is_stale_now_and_then_is_seen(loop: Loop) -> None:
    assert later(loop, steps=8) == [0, 0, 0, 3, 0, 0, 3, 0]


def turns(model: nn.Module, steps: int, *, cleared: bool = True) -> None:
    """All parameters and the head alone in turns; those that wait hold what the head's loss leaves them."""
    assert isinstance(model, Bigrams)
    both = [torch.optim.SGD(part.parameters(), lr=0.1) for part in (model, model.head)]
    for step in range(steps):
        if step % 2 or cleared:
            both[step % 2].zero_grad()
        loss_of(model).backward()  # type: ignore[no-untyped-call]
        both[step % 2].step()


def two_phases(model: nn.Module, steps: int) -> None:
    assert isinstance(model, Bigrams)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for step in range(steps):
        if step == 2:
            optimizer = torch.optim.SGD(model.head.parameters(), lr=0.1)
        optimizer.zero_grad()
        loss_of(model).backward()  # type: ignore[no-untyped-call]
        optimizer.step()


@pytest.mark.parametrize("loop", [turns, two_phases])
def test_a_gradient_that_no_step_uses_is_not_stale(loop: Loop) -> None:
    assert trained(loop, watched=True, steps=5)[1].stale == [0] * 5
    assert later(loop, steps=5) == [0] * 5


def test_a_gradient_that_waits_and_is_used_after_all_is_stale() -> None:
    loop = partial(turns, cleared=False)
    # the head's gradients are cleared for its own turns; the table's wait from pass 1 on
    assert trained(loop, watched=True, steps=6)[1].stale == [0, 0, 3, 0, 3, 0]
    assert later(loop, steps=6) == [0, 0, 3, 0, 3, 0]


def test_weights_put_back_in_the_end_do_not_make_a_gradient_stale() -> None:
    def best(model: nn.Module, steps: int) -> None:
        before = {name: value.clone() for name, value in model.state_dict().items()}
        turns(model, steps)
        model.load_state_dict(before)

    assert trained(best, watched=True, steps=4)[1].stale == [0] * 4
    assert later(best, steps=4) == [0] * 4


def test_a_training_without_backward_has_nothing_stale() -> None:
    assert later(lambda model, steps: None, steps=3) == []


@pytest.mark.parametrize("loop", [adam, manual, through_data, autograd_grad])
def test_each_forward_pass_is_seen_with_tokens_logits_and_gradient(loop: Loop) -> None:
    _, watch = trained(loop, watched=True)
    assert len(watch.forwards) == 3
    for forward in watch.forwards:
        assert [ids.tolist() for ids in forward.lookups] == [IDS.tolist()]
        assert forward.logits.shape == (1, 7, V)
        assert forward.gradient is not None
        asked = forward.gradient[0, :-1].argmin(dim=-1)
        assert asked.tolist() == IDS[0, 1:].tolist()
        assert not forward.gradient[0, -1].any()


def test_the_gradient_at_the_logits_is_the_cross_entropys_own() -> None:
    _, watch = trained(adam, watched=True, steps=1)
    forward = watch.forwards[0]
    expected = forward.logits[0, :-1].softmax(-1) - F.one_hot(IDS[0, 1:], V)
    assert forward.gradient is not None
    torch.testing.assert_close(forward.gradient[0, :-1] * 6, expected)


def test_the_hooks_are_gone_afterwards() -> None:
    before = torch.autograd.backward, torch.autograd.grad
    trained(adam, watched=True)
    assert (torch.autograd.backward, torch.autograd.grad) == before


def test_an_exception_in_training_comes_through() -> None:
    def raising(model: nn.Module, steps: int) -> None:
        raise KeyError("letter")

    with pytest.raises(KeyError, match="letter"):
        trained(raising, watched=True)


def test_losses_are_reported_for_training_and_not_for_evaluation() -> None:
    seen: list[float] = []
    with watch_losses(seen.append):
        model = Bigrams()
        loss = loss_of(model)
        by_module = nn.CrossEntropyLoss()(model(IDS)[0, :-1], IDS[0, 1:])
        each = F.cross_entropy(model(IDS)[0, :-1], IDS[0, 1:], reduction="none")
        with torch.no_grad():
            loss_of(model)
    assert seen == pytest.approx([loss.item(), by_module.item(), each.mean().item()])
    loss_of(model)
    assert len(seen) == 3
