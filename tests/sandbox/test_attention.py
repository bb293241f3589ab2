"""Attentions are found among the products of a forward pass, however heads were laid out."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from sandbox.attention import find_attentions
from sandbox.remote import Tap

B, H, T, D = 3, 4, 5, 8


def product(left: Tensor, right: Tensor) -> Tap:
    return Tap(
        op="product",
        weight=None,
        start=0,
        scale=None,
        is_causal=False,
        tensors={"left": left, "right": right, "out": left @ right},
    )


def folded(part: Tensor, *, heads_outside: bool) -> Tensor:
    """(B, H, T, n) with heads and places in one dimension, as einsum lays them out."""
    return (part if heads_outside else part.transpose(1, 2)).flatten(1, 2)


@pytest.mark.parametrize("heads_outside_scores", [True, False])
@pytest.mark.parametrize("heads_outside_values", [True, False])
def test_heads_that_share_a_key_are_told_apart(
    heads_outside_scores: bool, heads_outside_values: bool
) -> None:
    q, k, v = torch.randn(B, H, T, D), torch.randn(B, T, D), torch.randn(B, T, D)
    scores = q @ k.mT[:, None]  # (B, H, T, T)
    future = torch.ones(T, T).triu(1).bool()
    weights = (scores / D**0.5).masked_fill(future, -torch.inf).softmax(dim=-1)
    taps = [
        product(folded(q, heads_outside=heads_outside_scores), k.mT),
        product(folded(weights, heads_outside=heads_outside_values), v),
    ]

    (found,) = find_attentions(taps, T=T)

    torch.testing.assert_close(found.q, q.flatten(0, 1))
    torch.testing.assert_close(found.weights, weights.flatten(0, 1))
    torch.testing.assert_close(found.k, k.repeat_interleave(H, dim=0))
    torch.testing.assert_close(found.v, v.repeat_interleave(H, dim=0))
