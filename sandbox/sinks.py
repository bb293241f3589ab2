"""Attention whose rows leave a share to a sink: a constant beside the keys in the softmax's denominator.

A learned one for each head (gpt-oss), or 1 ("softmax plus one"). Of a row i with the sum S, w its weights and
s its scores, (1 - S) / w[i] = c / exp(s[i]): on the diagonal, where biases by distance are 0, its logarithm
falls along a straight line as the product of query and key grows. What a mask or a wrong divisor takes is no
such line.
"""

from __future__ import annotations

from torch import Tensor

from sandbox.attention import Attention
from sandbox.measurements import Measurements

_STRAIGHT = 1e-3  # off the line, at most


def are_seen(m: Measurements) -> bool:
    """Whether in each attention every row is of that kind."""
    return bool(m.products.attentions) and all(_has_sink(attention) for attention in m.products.attentions)


def _has_sink(attention: Attention) -> bool:
    left = 1 - attention.weights.sum(dim=-1)  # (N, T)
    own = attention.weights.diagonal(dim1=1, dim2=2)  # (N, T)
    if float(left.min()) <= 0 or float(own.min()) <= 0:
        return False
    products = (attention.q * attention.k).sum(dim=-1)  # (N, T)
    return float(_off_the_line(products, (left / own).log()).max()) <= _STRAIGHT


def _off_the_line(x: Tensor, y: Tensor) -> Tensor:
    """How far the points of each row lie from the line that fits them best. (N, T)"""
    x, y = x - x.mean(dim=1, keepdim=True), y - y.mean(dim=1, keepdim=True)
    slope = (x * y).sum(dim=1, keepdim=True) / x.square().sum(dim=1, keepdim=True).clamp_min(1e-30)
    return (y - slope * x).abs()
