"""Smoothed labels, read off the gradients at the logits: Szegedy et al., arXiv 1512.00567, section 7."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import one_hot

_MOST = 0.5  # of a label that goes to all tokens alike
_LEFT = 0.01  # of a gradient's length that may be left unexplained


@dataclass(frozen=True)
class Smoothed:
    """Cross-entropies to smoothed labels at n places, where the gradients are such."""

    fits: Tensor  # (n,)
    targets: Tensor  # (n,)
    expected: Tensor  # (n, V): the gradient of such a cross-entropy


def smoothed(probabilities: Tensor, gradient: Tensor) -> Smoothed:
    """Both (n, V). The target is the token that is pulled up most, or the likeliest one.

    A target that has more than its share by now is pulled down, and another token is pulled up most.
    """
    lowest, likeliest = (
        _with_targets(targets, probabilities, gradient)
        for targets in (gradient.argmin(dim=-1), probabilities.argmax(dim=-1))
    )
    return Smoothed(
        fits=lowest.fits | likeliest.fits,
        targets=torch.where(lowest.fits, lowest.targets, likeliest.targets),
        expected=torch.where(lowest.fits[:, None], lowest.expected, likeliest.expected),
    )


def _with_targets(targets: Tensor, probabilities: Tensor, gradient: Tensor) -> Smoothed:
    """What is asked of all tokens but the target is a line over their probabilities: w (p - e / V)."""
    V = gradient.shape[-1]
    target = one_hot(targets, V).double()
    others = 1 - target
    p, g = (
        (others * part).sum(dim=-1, keepdim=True) / (V - 1) for part in (probabilities, gradient)
    )  # means
    apart, asked = others * (probabilities - p), others * (gradient - g)
    w = (apart * asked).sum(dim=-1, keepdim=True) / apart.square().sum(dim=-1, keepdim=True)
    e = V * (p - g / w)
    left = (asked - w * apart).norm(dim=-1) / gradient.norm(dim=-1)
    fits = (w > 0) & (e > 0) & (e < _MOST)
    return Smoothed(fits[:, 0] & (left < _LEFT), targets, probabilities - (1 - e) * target - e / V)
