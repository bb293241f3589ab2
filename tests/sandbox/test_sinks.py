"""Rows of attention that leave a share to a sink, and rows that lose it."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import cast

import pytest
import torch
from torch import Tensor

from sandbox import sinks
from sandbox.attention import Attention
from sandbox.measurements import Measurements

N, T, D = 24, 5, 16  # texts times heads
FUTURE = torch.ones(T, T).triu(1).bool()


def seen(weights_of: Callable[[Tensor], Tensor]) -> bool:
    generator = torch.Generator().manual_seed(0)
    q, k, v = torch.randn(3, N, T, D, generator=generator, dtype=torch.float64)
    weights = weights_of(q @ k.mT / 4)
    attention = Attention(0, 1, q, k, v, weights)
    return sinks.are_seen(
        cast("Measurements", SimpleNamespace(products=SimpleNamespace(attentions=[attention])))
    )


def causal(scores: Tensor) -> Tensor:
    return scores.masked_fill(FUTURE, -torch.inf)


def one_more(scores: Tensor) -> Tensor:
    weights = causal(scores).exp()
    return weights / (weights.sum(dim=-1, keepdim=True) + 1)


def one_of_each_head(scores: Tensor) -> Tensor:
    sink = torch.linspace(-2, 2, N)[:, None, None].expand(N, T, 1)
    return torch.cat((causal(scores), sink), dim=-1).softmax(dim=-1)[..., :T]


def biased_by_distance(scores: Tensor) -> Tensor:
    places = torch.arange(T)
    return one_more(scores - 0.5 * (places[:, None] - places))


@pytest.mark.parametrize("weights_of", [one_more, one_of_each_head, biased_by_distance])
def test_a_sink_is_seen(weights_of: Callable[[Tensor], Tensor]) -> None:
    assert seen(weights_of)


@pytest.mark.parametrize(
    "weights_of",
    [
        lambda scores: causal(scores).softmax(dim=-1),
        lambda scores: causal(scores).softmax(dim=-1) / 4,
        lambda scores: scores.softmax(dim=-1).tril(),
        lambda scores: causal(scores).softmax(dim=-1).tril() * torch.linspace(0.5, 0.9, T)[:, None],
        lambda scores: causal(scores).sigmoid() / T,
    ],
    ids=["none", "divided", "masked late", "divided by the place", "sigmoid"],
)
def test_what_is_lost_otherwise_is_no_sink(weights_of: Callable[[Tensor], Tensor]) -> None:
    assert not seen(weights_of)
