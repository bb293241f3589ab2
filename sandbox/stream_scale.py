"""How the logits follow the size of the stream, with every branch silenced: what the norm before the head is.

A layer norm or an RMS norm takes the size away, a model without norms keeps it. A norm that divides by the
mean square instead of its root turns it round.
"""

from __future__ import annotations

from sandbox import blocks
from sandbox.measurements import Measurements, T
from sandbox.remote import RemoteModel

LEAST = 0.75  # times the logits, where the stream is twice as large
_FAR = 64.0  # times a table of positions: beside it the tokens are nothing


def ratio(m: Measurements) -> float | None:
    """How much the logits' differences grow when the stream doubles; None where it can't be doubled alone."""
    silent, values = blocks.silenced(m), m.drawn_values
    tokens, positions = m.token_table, m.position_table
    if tokens is not None and tokens.name in values:  # else the head has the same table
        tables = [table.name for table in (tokens, positions) if table is not None]
        before, after = silent, silent.with_parameters({name: 2 * values[name] for name in tables})
    elif positions is not None and positions.name in values:
        name = positions.name
        before = silent.with_parameters({name: _FAR * values[name]})
        after = silent.with_parameters({name: 2 * _FAR * values[name]})
    else:
        return None
    once = _spread(m, before)
    return _spread(m, after) / once if once > m.tolerance else None


def _spread(m: Measurements, model: RemoteModel) -> float:
    """Of the differences between places, in which a bias of the head drops out."""
    logits = model.logits(m.ids(1, T))[0].double()  # (T, V)
    return float((logits - logits[0]).std())
