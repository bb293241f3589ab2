"""Reads the numbers of a picture out of a verdict. They derive from what a stranger's program answered, so
their sizes, types and finiteness are looked at once more here; what does not fit is not drawn."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

MOST_CELLS = 24  # of a side
LARGEST = 1e30

Rows = tuple[tuple[float, ...], ...]


def data_of(properties: Sequence[Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    """The data of the property by this name; empty where there is none."""
    data = next((entry.get("data") for entry in properties if entry["name"] == name), None)
    return data if isinstance(data, Mapping) else {}


def number(value: Any) -> float | None:
    """A finite number of a size that can be drawn; None for anything else."""
    fits = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST
    return float(value) if fits and math.isfinite(value) else None


def numbers(value: Any, *, most: int) -> tuple[float | None, ...]:
    """A list of numbers and of nothings, not longer than `most`; empty for anything else."""
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) > most:
        return ()
    return tuple(number(one) for one in value)


def square(value: Any) -> Rows | None:
    """Rows of numbers, as many as each has columns."""
    if not isinstance(value, Sequence) or isinstance(value, str) or not 0 < len(value) <= MOST_CELLS:
        return None
    rows = [[found for found in numbers(row, most=MOST_CELLS) if found is not None] for row in value]
    return tuple(map(tuple, rows)) if all(len(row) == len(rows) for row in rows) else None


def labels(value: Any, *, count: int) -> tuple[str, ...] | None:
    """A character for each place, a space as a dot."""
    if not isinstance(value, Sequence) or len(value) != count:
        return None
    found = tuple(one[:1] for one in value if isinstance(one, str) and one)
    return tuple("·" if one == " " else one for one in found) if len(found) == count else None
