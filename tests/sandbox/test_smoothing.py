"""Smoothed labels are read off gradients, wherever the program stands, and nothing else is taken for them."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from sandbox.smoothing import smoothed

V, N = 23, 40


def places(seed: int, *, sure: float) -> tuple[Tensor, Tensor]:
    """Logits (N, V) that put their targets (N,) above all else by `sure`."""
    generator = torch.Generator().manual_seed(seed)
    targets = torch.randint(V, (N,), generator=generator)
    logits = torch.randn(N, V, generator=generator) + sure * F.one_hot(targets, V)
    return logits, targets


def asked_by(loss: Tensor, logits: Tensor) -> Tensor:
    (gradient,) = torch.autograd.grad(loss, logits)
    return gradient.double()


@given(
    seed=st.integers(0, 1000), smoothing=st.sampled_from([0.02, 0.05, 0.1, 0.2]), sure=st.floats(-2.0, 10.0)
)
def test_the_target_is_found_however_sure_of_it_the_model_is(
    seed: int, smoothing: float, sure: float
) -> None:
    logits, targets = places(seed, sure=sure)
    logits.requires_grad_()
    gradient = asked_by(F.cross_entropy(logits, targets, label_smoothing=smoothing), logits)

    found = smoothed(logits.detach().double().softmax(dim=-1), gradient)

    assert bool(found.fits.all())
    assert torch.equal(found.targets, targets)
    cosine = F.cosine_similarity(gradient, found.expected, dim=-1)
    assert float(cosine.min()) > 0.999


@given(seed=st.integers(0, 1000))
def test_a_square_of_differences_is_not_such_at_all_places(seed: int) -> None:
    logits, targets = places(seed, sure=2.0)
    logits.requires_grad_()
    gradient = asked_by((logits.softmax(dim=-1) - F.one_hot(targets, V)).square().mean(), logits)

    assert not bool(smoothed(logits.detach().double().softmax(dim=-1), gradient).fits.all())
