"""Whether the file trains on its task for as many steps, and at the rate, that `train` was asked for."""

from __future__ import annotations

import torch

from sandbox.measurements import RATE, SHORT
from sandbox.probing import Finding, broken, held, judged, not_seen
from sandbox.remote import Parameters
from sandbox.training import Training
from sandbox.wording import counted


def trained_without_steps(untrained: Training) -> Finding:
    """What train(steps=0) gave away; one backward pass may look whether gradients arrive."""
    returned, passes = len(untrained.returned), len(untrained.observed["stale"])
    if returned:
        return broken(
            f"train(steps=0) returned {counted(returned, 'loss', 'losses')}.", measured=returned, expected=0
        )
    detail = (
        f"train(steps=0) returned no loss, and made {counted(passes, 'backward pass', 'backward passes')}."
    )
    return judged(passes <= 1, detail, measured=passes, expected=0)


def obeys_rate(own: Training, other: Training, *, before: Parameters) -> Finding:
    """Whether as many steps at another rate end elsewhere."""
    if own.returned != other.returned:
        return held()
    after = own.model.parameters()
    if not after.values or _equal(after, before):
        return not_seen("No parameter moved, or the model is too large to be compared.")
    detail = f"Trained for {SHORT} steps with lr={RATE:g}, the model is the one that its own rate gives."
    return judged(not _equal(after, other.model.parameters()), detail)


def _equal(one: Parameters, other: Parameters) -> bool:
    return one.values.keys() == other.values.keys() and all(
        torch.equal(value, other.values[name]) for name, value in one.values.items()
    )
