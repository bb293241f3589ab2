"""What was measured in the lab, read with care, and how it grows: slopes on log-log, and where they turn."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

from app.web.measured import number

Name = Literal["uncached", "cached"]
Whose = Literal["yours", "clean"]

THEORY: dict[Name, int] = {"uncached": 2, "cached": 1}  # the power of T in a step
LEAST = 3  # points that a slope is told from
MOST = 40  # points
LONGEST_T = 1 << 20
LOCAL = 3  # points between the two that a local slope is told from: the smaller, the shakier
HALF = 0.5  # a slope this far below theory is halfway from the term before


class Point(NamedTuple):
    T: int
    ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What stands in a file for its longest context, and what was put in its place."""

    name: str
    was: int
    now: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Times of one step by T."""

    name: Name
    whose: Whose
    points: tuple[Point, ...]
    context: Context | None

    @property
    def theory(self) -> int:
        return THEORY[self.name]

    @property
    def slope(self) -> float | None:
        return slope(self.points)

    @property
    def tail(self) -> float | None:
        """The slope of the last half of its points."""
        return slope(self.last_half)

    @property
    def last_half(self) -> tuple[Point, ...]:
        return self.points[-((len(self.points) + 1) // 2) :]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Series:
        context = data["context"]
        return cls(
            name=data["name"],
            whose=data["whose"],
            points=tuple(Point(*point) for point in data["points"]),
            context=None if context is None else Context(**context),
        )

    @property
    def parting(self) -> float | None:
        """The T above which it stays within a half of theory's slope: the first where it always does, None
        where it never does."""
        steps = [(a, b) for a, b in zip(self.points, self.points[LOCAL:], strict=False)]
        below = [slope(pair) or 0.0 for pair in steps]
        last = max((i for i, one in enumerate(below) if one < self.theory - HALF), default=None)
        if last is None:
            return float(self.points[0].T) if steps else None
        if last == len(steps) - 1:
            return None
        between = [math.sqrt(a.T * b.T) for a, b in steps[last : last + 2]]
        return math.sqrt(between[0] * between[1])


def slope(points: Sequence[Point]) -> float | None:
    """By least squares on log-log; None for a single length."""
    fitted = line(points)
    return None if fitted is None else fitted[0]


def line(points: Sequence[Point]) -> tuple[float, float] | None:
    """Slope a and height b of log ms = a log T + b."""
    xs, ys = [math.log(point.T) for point in points], [math.log(point.ms) for point in points]
    if len(set(xs)) < 2:
        return None
    x, y = sum(xs) / len(xs), sum(ys) / len(ys)
    across = sum((one - x) ** 2 for one in xs)
    a = sum((one - x) * (other - y) for one, other in zip(xs, ys, strict=True)) / across
    return a, y - a * x


def read_series(facts: Iterable[Mapping[str, Any]], *, name: Name, whose: Whose) -> Series | None:
    """A series from what the lab said; None where there are too few points to tell anything."""
    points: list[Point] = []
    context = None
    for fact in facts:
        if fact.get("series") != name:
            continue
        found = _point(fact)
        if found and len(points) < MOST and (not points or found.T > points[-1].T):
            points.append(found)
        context = context or _context(fact)
    if len(points) < LEAST:
        return None
    return Series(name=name, whose=whose, points=tuple(points), context=context)


def _point(fact: Mapping[str, Any]) -> Point | None:
    length, ms = _length(fact.get("T")), number(fact.get("ms"))
    return Point(length, ms) if length and ms is not None and 1e-6 < ms < 1e9 else None


def _context(fact: Mapping[str, Any]) -> Context | None:
    name, was, now = fact.get("name"), _length(fact.get("was")), _length(fact.get("now"))
    fits = isinstance(name, str) and name.isidentifier() and len(name) <= 40
    return Context(name=str(name), was=was, now=now) if fits and was and now else None


def _length(value: Any) -> int | None:
    return value if type(value) is int and 0 < value <= LONGEST_T else None
