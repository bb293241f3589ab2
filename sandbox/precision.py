"""Whether a model answers in float64 what it answers in float32: not every right program has to."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor

from sandbox.calls import CandidateFault
from sandbox.remote import RemoteModel

_NEAR = 1e-3  # times the spread of the logits: what float32 rounds away stays below it


def bears_float64(
    double: RemoteModel, single: RemoteModel, texts: Iterable[tuple[Tensor, Tensor | None]]
) -> bool:
    """Whether two copies of a model agree on ids and masks; what float32 can't answer either tells nothing.

    Float64 may fail silently: PyTorch's attention misreads a float32 mask beside it, from 16 tokens on.
    """
    return all(_agree(double, single, *both) for both in texts)


def _agree(double: RemoteModel, single: RemoteModel, ids: Tensor, mask: Tensor | None) -> bool:
    expected = _answer(single, ids, mask)
    if expected is None:
        return True
    found = _answer(double, ids, mask)
    if found is None or found.shape != expected.shape:
        return False
    return float((found - expected).abs().max()) <= _NEAR * max(1.0, float(expected.std()))


def _answer(model: RemoteModel, ids: Tensor, mask: Tensor | None) -> Tensor | None:
    try:
        return model.logits(ids, mask).double()
    except CandidateFault as fault:
        if fault.fatal:
            raise
        return None
