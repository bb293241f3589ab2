"""The logits of a forward pass, seen whole and put together of pieces."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from sandbox.observers import TrainingWatch

V, C = 7, 5

# what is fed (B, T, C), the head (V, C) and the targets (B, T): a loss that is a mean over all places
Loss = Callable[[Tensor, Tensor, Tensor], Tensor]


def whole(x: Tensor, head: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy((x @ head.T).flatten(0, 1), targets.flatten())


def in_pieces(x: Tensor, head: Tensor, targets: Tensor) -> Tensor:
    parts = zip(torch.split(x, 3, dim=1), torch.split(targets, 3, dim=1), strict=True)
    losses = [F.cross_entropy((h @ head.T).transpose(1, 2), y, reduction="sum") for h, y in parts]
    return torch.stack(losses).sum() / targets.numel()


def in_flat_pieces(x: Tensor, head: Tensor, targets: Tensor) -> Tensor:
    parts = zip(torch.split(x, 3, dim=1), torch.split(targets, 3, dim=1), strict=True)
    losses = [F.cross_entropy(h.flatten(0, 1) @ head.T, y.flatten(), reduction="sum") for h, y in parts]
    return torch.stack(losses).sum() / targets.numel()


def a_place_at_a_time(x: Tensor, head: Tensor, targets: Tensor) -> Tensor:
    losses = [F.cross_entropy(F.linear(x[:, t], head), targets[:, t]) for t in range(x.shape[1])]
    return torch.stack(losses).mean()


def behind_a_map_as_wide(x: Tensor, head: Tensor, targets: Tensor) -> Tensor:
    wide = F.linear(x, head)  # as many columns as the vocabulary, and not the logits
    return whole(F.linear(wide, head.T), head, targets)


def trained(loss: Loss, B: int) -> TrainingWatch:
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(V, (B, 9), generator=generator)
    table = torch.randn(V, C, generator=generator).requires_grad_()
    head = torch.randn(V, C, generator=generator).requires_grad_()
    with TrainingWatch(vocab=V) as watch:
        for _ in range(2):
            loss(F.embedding(ids[:, :-1], table), head, ids[:, 1:]).backward()  # type: ignore[no-untyped-call]
    return watch


@pytest.mark.parametrize("B", [1, 2])
@pytest.mark.parametrize("loss", [in_pieces, in_flat_pieces, a_place_at_a_time])
def test_a_head_in_pieces_is_seen_as_the_whole_one_is(loss: Loss, B: int) -> None:
    pieces, one = trained(loss, B).forwards, trained(whole, B).forwards

    assert len(pieces) == len(one) == 2
    for seen, expected in zip(pieces, one, strict=True):
        assert seen.gradient is not None and expected.gradient is not None
        torch.testing.assert_close(seen.logits, expected.logits)
        torch.testing.assert_close(seen.gradient, expected.gradient)


@pytest.mark.parametrize("B", [1, 2])
def test_of_two_whole_products_the_last_one_is_the_heads(B: int) -> None:
    for seen in trained(behind_a_map_as_wide, B).forwards:
        assert seen.logits.shape == (B, 8, V)
        assert seen.gradient is not None
        assert float(seen.gradient.sum(dim=-1).abs().max()) < 1e-6  # a softmax's: its rows sum to 0


def capped(x: Tensor, head: Tensor, targets: Tensor) -> Tensor:
    logits = 3 * torch.tanh(F.linear(x, head) / 3)
    return F.cross_entropy(logits.transpose(1, 2), targets)


def test_logits_are_what_a_cap_has_made_of_them() -> None:
    for seen in trained(capped, 2).forwards:
        assert float(seen.logits.abs().max()) < 3
        assert seen.gradient is not None
        assert float(seen.gradient.sum(dim=-1).abs().max()) < 1e-6  # a softmax's: its rows sum to 0


def beside_a_penalty(x: Tensor, head: Tensor, targets: Tensor) -> Tensor:
    """A cap that nothing is made of, and a penalty on logits, beside the loss."""
    logits = F.linear(x, head)
    torch.tanh(logits / 15)
    return F.cross_entropy(logits.transpose(1, 2), targets) + 0.01 * (logits * 0.1).square().mean()


def test_what_the_loss_is_not_made_of_alone_is_not_taken_for_the_logits() -> None:
    for seen, expected in zip(trained(beside_a_penalty, 2).forwards, trained(whole, 2).forwards, strict=True):
        torch.testing.assert_close(seen.logits, expected.logits.view_as(seen.logits))
        assert seen.gradient is not None and bool(seen.gradient.all())


def scaled(x: Tensor, head: Tensor, targets: Tensor) -> Tensor:
    scale = torch.full((1,), 2.0, requires_grad=True)
    return F.cross_entropy((F.linear(x, head) * scale).transpose(1, 2), targets)


def test_a_learned_scale_is_part_of_the_logits() -> None:
    for seen, plain in zip(trained(scaled, 2).forwards, trained(whole, 2).forwards, strict=True):
        torch.testing.assert_close(seen.logits, 2 * plain.logits.view_as(seen.logits))
