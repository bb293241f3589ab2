"""Carries a submission's weights over into the clean program, where they fit, and compares what both answer.

Parameters only, never buffers: a mask kept in a buffer would bring its fault along and hide it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from sandbox.reference import Reference

_MOST_TRIED = 6  # ways of fusing q, k and v, for all layers alike


def carried_over(values: dict[str, Tensor], reference: Reference) -> Iterator[dict[str, Tensor]]:
    """Each way in which the values fill all parameters of the clean model: by name, by order, q k v fused."""
    wanted = dict(reference.model.named_parameters())
    if set(values) == set(wanted):
        yield from _fitted([values[name] for name in wanted], wanted)
        return
    yield from _fitted(list(values.values()), wanted)
    for order in itertools.islice(itertools.permutations(range(3)), _MOST_TRIED):
        yield from _fitted(_fused(list(values.values()), order), wanted)


def _fitted(values: list[Tensor], wanted: Mapping[str, Tensor]) -> Iterator[dict[str, Tensor]]:
    if len(values) != len(wanted):
        return
    fitted = {}
    for (name, parameter), value in zip(wanted.items(), values, strict=True):
        given = value.squeeze()
        rows = min(len(given), len(parameter)) if given.dim() else 0
        if given.dim() != parameter.dim() or given.shape[1:] != parameter.shape[1:]:
            return
        if given.shape != parameter.shape and rows < parameter.shape[0]:
            return
        fitted[name] = given[:rows]  # a longer table of positions begins like a shorter one
    yield fitted


def _fused(values: list[Tensor], order: tuple[int, ...]) -> list[Tensor]:
    """Runs of three equal squares, weights or weights with biases, joined into one as q, k, v."""
    fused, i = [], 0
    while i < len(values):
        weights, biases = values[i : i + 3], values[i : i + 6]
        if len(biases) == 6 and _triple(biases[::2]) and all(b.dim() == 1 for b in biases[1::2]):
            fused += [
                torch.cat([biases[2 * n] for n in order]),
                torch.cat([biases[2 * n + 1] for n in order]),
            ]
            i += 6
        elif len(weights) == 3 and _triple(weights):
            fused.append(torch.cat([weights[n] for n in order]))
            i += 3
        else:
            fused.append(values[i])
            i += 1
    return fused


def _triple(values: list[Tensor]) -> bool:
    first = values[0]
    return (
        first.dim() == 2 and first.shape[0] == first.shape[1] and all(v.shape == first.shape for v in values)
    )


def disagreement(
    reference: Reference, values: dict[str, Tensor], ids: Tensor, logits: Tensor
) -> float | None:
    """The smallest difference of log-probabilities over all ways of carrying over; None if there is none."""
    found = []
    for fitted in carried_over(values, reference):
        ours = reference.logits(ids, fitted).log_softmax(dim=-1)
        if ours.shape == logits.shape:
            found.append(float((ours - logits.double().log_softmax(dim=-1)).abs().max()))
    return min(found, default=None)
