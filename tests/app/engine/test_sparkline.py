"""Sparklines: few points, ends kept, nothing that JSON can't hold."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from app.engine.sparkline import POINTS, sparkline


@given(st.lists(st.floats(), max_size=200))
def test_a_sparkline_has_few_finite_points_and_keeps_both_ends(losses: list[float]) -> None:
    finite = [value for value in losses if math.isfinite(value)]
    thinned = sparkline(losses)
    if not finite:
        assert thinned is None
        return
    assert thinned is not None
    assert len(thinned) == min(len(finite), POINTS)
    assert (thinned[0], thinned[-1]) == (finite[0], finite[-1])
