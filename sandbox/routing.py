"""Experts: parameters of which each token reaches only some, by a choice that the model makes."""

from __future__ import annotations

import math

from sandbox import blocks
from sandbox.measurements import LONG, STD, Measurements, cotangent

_DRAWS = 12  # of the parameters: one expert of eight may be passed over in several
_MOST_NUMBERS = 20_000_000  # of all draws together: the program's process keeps each of them
_ROWS = 8


def reached_elsewhere(m: Measurements, missed: list[str]) -> set[str]:
    """Of parameters without a gradient, those that have one for other texts in other draws.

    Only those are tried again that have a sibling of their shape in their block which has a gradient already.
    """
    reached = {
        (blocks.kind_of(m, name), gradient.shape)
        for name, gradient in m.gradients.items()
        if gradient is not None and name not in missed
    }
    shapes = {entry["name"]: tuple(entry["shape"]) for entry in m.initial.parameters.entries}
    passed_over = {name for name in missed if (blocks.kind_of(m, name), shapes[name]) in reached}
    found: set[str] = set()
    numbers = sum(math.prod(shape) for shape in shapes.values())  # of a large model no values are here
    for seed in range(2, 2 + min(_DRAWS, _MOST_NUMBERS // numbers)):
        if found == passed_over:
            break
        model = m.redrawn(m.initial.model, std=STD, seed=seed, dtype=m.drawn.dtype)
        ids = m.ids(_ROWS, LONG, salt=seed)
        of = cotangent(ids, m.V)
        gradients = model.gradients(ids, of.float() if model.dtype == "float32" else of)
        found |= {
            name for name in passed_over if (one := gradients.get(name)) is not None and bool(one.any())
        }
    return found
