"""Thins a row of losses to what a sparkline shows."""

from __future__ import annotations

import math
from collections.abc import Sequence

POINTS = 32


def sparkline(losses: Sequence[float | None], *, points: int = POINTS) -> tuple[float, ...] | None:
    """At most `points` finite losses, evenly spread, first and last among them; None when there are none."""
    finite = [float(value) for value in losses if value is not None and math.isfinite(value)]
    if not finite:
        return None
    if len(finite) <= points:
        return tuple(finite)
    step = (len(finite) - 1) / (points - 1)
    return tuple(finite[round(index * step)] for index in range(points))
