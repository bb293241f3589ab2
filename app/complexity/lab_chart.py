"""The picture of the lab: time of a step against T, log-log, with fitted lines and theory's."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from app.complexity.lab_words import POWERS, TITLES, finding, ms, power
from app.complexity.slopes import Name, Point, Series, line

LEFT, TOP, WIDTH, HEIGHT = 40, 14, 440, 236  # pixels of the plot
ROOM = 1.35  # the range goes on by this factor, so that no point lies on the edge
TICKS_T = 4  # from one to the next, a factor
LABEL = 120  # pixels that a label takes
SHORT = {"uncached": "No cache", "cached": "Cache"}
GUIDE_NAMED = 0.62  # of its length, from below


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    at: float
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    x: float
    y: float
    anchor: str
    title: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    name: Name
    dots: tuple[tuple[float, float], ...]
    tail: str  # the path of the fit of its last half
    guide: str  # of theory, through the last point
    guide_words: Label
    label: Label


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table: by series a cell, empty where nothing was measured."""

    head: str
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    words: str
    curves: tuple[Curve, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    heads: tuple[str, ...]
    rows: tuple[Row, ...]
    slopes: tuple[Row, ...]
    left: int = LEFT
    top: int = TOP
    right: int = LEFT + WIDTH
    bottom: int = TOP + HEIGHT
    width: int = LEFT + WIDTH + 8
    height: int = TOP + HEIGHT + 34


@dataclass(frozen=True, slots=True)
class _Scale:
    """Logarithms of the ends of both axes."""

    left: float
    right: float
    low: float
    high: float

    def x(self, log_t: float) -> float:
        return round(LEFT + WIDTH * (log_t - self.left) / (self.right - self.left), 1)

    def y(self, log_ms: float) -> float:
        return round(TOP + HEIGHT * (self.high - log_ms) / (self.high - self.low), 1)

    def dot(self, point: Point) -> tuple[float, float]:
        return self.x(math.log(point.T)), self.y(math.log(point.ms))

    def stroke(self, slope: float, height: float, ends: tuple[float, float]) -> str:
        """A line over a part of the axis, cut where it leaves the plot."""
        start, end = ends
        if slope > 0:
            start = max(start, (self.low - height) / slope)
            end = min(end, (self.high - height) / slope)
        if start >= end:
            return ""
        x1, x2 = self.x(start), self.x(end)
        return f"M{x1:g} {self.y(slope * start + height):g}L{x2:g} {self.y(slope * end + height):g}"


def chart(series: Sequence[Series]) -> Chart:
    scale = _scale(series)
    return Chart(
        words=finding(series),
        curves=tuple(_curve(one, scale) for one in series),
        across=tuple(_lengths(series, scale)),
        up=tuple(_times(scale)),
        heads=tuple(TITLES[one.name] for one in series),
        rows=tuple(_rows(series)),
        slopes=tuple(_slopes(series)),
    )


def _scale(series: Sequence[Series]) -> _Scale:
    points = [point for one in series for point in one.points]
    lengths, times = [point.T for point in points], [point.ms for point in points]
    return _Scale(
        math.log(min(lengths) / ROOM),
        math.log(max(lengths) * ROOM),
        math.log(min(times) / ROOM**2),
        math.log(max(times) * ROOM**2),
    )


def _curve(one: Series, scale: _Scale) -> Curve:
    last = math.log(one.points[-1].T)
    height = math.log(one.points[-1].ms) - one.theory * last
    return Curve(
        name=one.name,
        dots=tuple(scale.dot(point) for point in one.points),
        tail=_fit(one.last_half, scale),
        guide=scale.stroke(one.theory, height, (scale.left, last)),
        guide_words=_guide_label(one, scale, height),
        label=_label(one, scale),
    )


def _fit(points: Sequence[Point], scale: _Scale) -> str:
    fitted = line(points)
    ends = (math.log(points[0].T), math.log(points[-1].T))
    return "" if fitted is None else scale.stroke(*fitted, ends)


def _guide_label(one: Series, scale: _Scale, height: float) -> Label:
    """Beside theory's line, on its left above the middle: where neither curve has points."""
    start, last = max(scale.left, (scale.low - height) / one.theory), math.log(one.points[-1].T)
    at = start + GUIDE_NAMED * (last - start)
    x, y = scale.x(at), scale.y(one.theory * at + height)
    return Label(x=x - 6, y=y - 4, anchor="end", title="", words=f"theory, {POWERS[one.name]}")


def _label(one: Series, scale: _Scale) -> Label:
    """Where the curve leaves room: of a steep one on the left of its end, of a flat one above it."""
    x, y = scale.dot(one.points[-1])
    anchor = "end"
    if one.theory > 1 and x - LABEL > LEFT:
        x, y = x - 14, y + 2
    elif one.theory == 1 and x - LABEL > LEFT:
        x, y = x + 10, min(scale.dot(point)[1] for point in one.points[-5:]) - 30
    else:
        x, y, anchor = x + 10, y + 2, "start"
    return Label(
        x=round(x, 1),
        y=round(max(TOP + 10, y), 1),
        anchor=anchor,
        title=f"{SHORT[one.name]}: {'yours' if one.whose == 'yours' else 'clean model'}",
        words=f"last half: slope {power(one.tail)}",
    )


def _lengths(series: Sequence[Series], scale: _Scale) -> list[Tick]:
    lengths = [point.T for one in series for point in one.points]
    length = min(lengths)
    ticks = []
    while length <= max(lengths) * ROOM:
        ticks.append(Tick(at=scale.x(math.log(length)), words=str(length)))
        length *= TICKS_T
    return ticks


def _times(scale: _Scale) -> list[Tick]:
    exponents = range(math.floor(scale.low / math.log(10)), math.ceil(scale.high / math.log(10)) + 1)
    times = [factor * 10.0**exponent for exponent in exponents for factor in (1, 3)]
    return [
        Tick(at=scale.y(math.log(one)), words=f"{one:g}")
        for one in times
        if scale.low < math.log(one) < scale.high
    ]


def _rows(series: Sequence[Series]) -> list[Row]:
    times = [dict(one.points) for one in series]
    lengths = sorted({length for one in times for length in one})
    return [
        Row(head=str(length), cells=tuple(ms(one[length]) if length in one else "" for one in times))
        for length in lengths
    ]


def _slopes(series: Sequence[Series]) -> list[Row]:
    return [
        Row(head="slope over all", cells=tuple(power(one.slope) for one in series)),
        Row(head="in the last half", cells=tuple(power(one.tail) for one in series)),
        Row(head="theory", cells=tuple(str(one.theory) for one in series)),
    ]
