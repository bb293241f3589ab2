"""Whether what the own training returned is the model that was examined: the same one, with other parameters.

Nearly all properties are tried on untrained models. A file that trains another one, by the number of its
steps or by what it leaves behind on the model, is told here.
"""

from __future__ import annotations

import torch
from torch import Tensor

from sandbox.measurements import Initial, Measurements
from sandbox.remote import Parameters, RemoteModel
from sandbox.responses import responses
from sandbox.wording import shown

_FAR = 0.01  # times the spread of the logits: compiled code and low precision stay below it


def other_model(
    examined: Initial, trained: RemoteModel, ids: Tensor, mask: Tensor | None = None
) -> float | None:
    """How far the examined model with the trained one's parameters is from it; None where it is that one.

    None as well where training changed buffers, which may be right and do not travel back.
    """
    parameters = trained.parameters()
    if not _comparable(examined.parameters, parameters):
        return None
    expected = trained.logits(ids, mask).double()
    found = examined.model.with_parameters(parameters.values).logits(ids, mask).double()
    if found.shape != expected.shape:
        return float("inf")
    apart = float((found - expected).abs().max())
    return apart if apart > _FAR * max(1.0, float(expected.std())) else None


def looks_ahead(m: Measurements, ids: Tensor) -> str | None:
    """What is told where a token of (T,) ids moves the trained model's logits before it.

    Nothing where the untrained model does so too: `causal` tells of that, and no training is to blame.
    """
    trained = m.own.model
    changed = list(range(1, len(ids)))
    limit = _FAR * max(1.0, float(trained.logits(ids[None]).std()))
    moved = responses(trained, ids, changed=changed, vocabulary=sorted(set(ids.tolist())))  # (T, T - 1)
    early = moved.triu(0)  # column n is of the token n + 1
    if float(early.max()) <= limit or float(m.map.triu(1).max()) > m.tolerance:
        return None
    i, n = divmod(int(early.argmax()), len(changed))
    seen = f"In the trained model, changing token {n + 1} moved the logits at position {i} by"
    return f"{seen} {shown(float(early.max()))}. It must be 0."


def words(apart: float) -> str:
    """What is told of another model."""
    told = "Untrained, but with the parameters that training led to, the model gives logits that are"
    return f"{told} {shown(apart)} from the trained one's. It must be 0: steps move parameters alone."


def _comparable(one: Parameters, other: Parameters) -> bool:
    shapes = [{name: value.shape for name, value in side.values.items()} for side in (one, other)]
    if not shapes[0] or shapes[0] != shapes[1] or set(one.buffers) != set(other.buffers):
        return False
    return all(torch.equal(value, other.buffers[name]) for name, value in one.buffers.items())
