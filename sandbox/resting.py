"""Parameters that rest: trained ones that the observed steps leave where they were, though not the loss."""

from __future__ import annotations

import torch
from torch import Tensor

from sandbox.measurements import Measurements

_LEAST_STUCK = 0.2  # of a weight: what rests for good
_MANY = 20  # steps: by then a parameter that the loss pulls at has moved
_PULL = 1e-4  # of the strongest one: what a parameter is pulled at for sure


def stuck(m: Measurements, same: list[str]) -> list[str]:
    """Of the trained parameters, those that rest: that did not move, with a gradient of 0 before and after.

    Of a weight that stands in a product, a part is enough: queries and keys may be rows of a fused one.
    """
    if len(same) == len(m.before_parameters.values):
        return []
    trained = {entry["name"] for entry in m.before_parameters.entries if entry["trained"]}
    least = dict.fromkeys(trained & set(same), 1.0) | _least_parts(m, trained)
    idle = {name: _resting(m, name, m.first_gradients) for name in least}
    idle = {name: rests for name, rests in idle.items() if _share(rests) >= least[name]}
    if not idle:
        return []
    late = _late_gradients(m)
    return [name for name, rests in idle.items() if _share(rests & _resting(m, name, late)) >= least[name]]


def left_behind(m: Measurements, same: list[str]) -> list[str]:
    """Of parameters that did not move, those that a longer training leaves where they were as well.

    Asked of those alone that the loss does not pull at first, as behind a head of zeros, and does later.
    """
    waiting = [name for name in same if m.pull.get(name) == 0.0]
    if not waiting or len(same) == len(m.before_parameters.values):
        return []
    sizes = {name: float(g.abs().max()) for name, g in _late_gradients(m).items() if g is not None}
    least = _PULL * max(sizes.values(), default=0.0)
    pulled = [name for name in waiting if sizes.get(name, 0.0) > least]
    if not pulled:
        return []
    seed, before = m.subject.seed, m.before_parameters.values
    after = m.subject.train(m.hidden, steps=_MANY, seed=seed).model.parameters().values
    return [name for name in pulled if name in after and torch.equal(after[name], before[name])]


def _late_gradients(m: Measurements) -> dict[str, Tensor | None]:
    return m.subject.once("late gradients", lambda: m.hidden_gradients(m.short.model))


def _least_parts(m: Measurements, trained: set[str]) -> dict[str, float]:
    """How much of a weight that stands in a product may not rest; a tied head rests at unseen tokens."""
    tables = {table.name for table in (m.token_table, m.position_table) if table is not None}
    return dict.fromkeys((trained & {tap.weight for tap in m.products.taps}) - tables, _LEAST_STUCK)


def _resting(m: Measurements, name: str, gradients: dict[str, Tensor | None]) -> Tensor:
    """Which numbers of a parameter the observed steps left as they were, where the gradient is 0 as well."""
    before, after, gradient = (
        values.get(name) for values in (m.before_parameters.values, m.after_parameters.values, gradients)
    )
    if before is None or after is None or after.shape != before.shape:
        return torch.zeros(1, dtype=torch.bool)
    unmoved = after == before
    return unmoved if gradient is None else unmoved & (gradient == 0)


def _share(chosen: Tensor) -> float:
    return float(chosen.float().mean())
