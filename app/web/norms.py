"""The picture of the table of positions as it starts: the norm of each row, yours and the reference's, on one
log scale, and the mean norm of a token to compare with. A row that was never set has no bar but a hatch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from app.web.measured import data_of, number, numbers
from app.web.words import power_of_ten

MOST = 128  # positions
LEFT, TOP, WIDTH, HEIGHT = 34, 34, 192, 104  # pixels of a plot
DECADES = 8  # powers of ten that one picture spans at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Hatch:
    """Rows from one on that were never set."""

    x: float
    width: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    name: str
    words: str
    path: str  # a stroke for each row
    stroke: float  # its width
    hatches: tuple[Hatch, ...]
    tokens: float | None  # the height of their line
    tokens_words: str
    rows: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    y: float
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Norms:
    yours: Plot
    reference: Plot | None
    ticks: tuple[Tick, ...]
    last: int  # position
    left: int = LEFT
    top: int = TOP
    right: int = LEFT + WIDTH
    bottom: int = TOP + HEIGHT
    width: int = LEFT + WIDTH + 4
    height: int = TOP + HEIGHT + 20
    name: str = "norms"
    drawn_by: str = "norms"

    @property
    def unset(self) -> bool:
        return bool(self.yours.hatches)


class _Table(NamedTuple):
    rows: tuple[float | None, ...]
    tokens: float | None


class _Scale(NamedTuple):
    low: int
    high: int

    def y(self, size: float) -> float:
        """Pixels from the top; what is below the scale lies on its foot."""
        share = (math.log10(size) - self.low) / (self.high - self.low) if size > 0 else 0.0
        return round(TOP + HEIGHT * (1 - max(0.0, min(1.0, share))), 1)


def norms(properties: Sequence[Mapping[str, Any]]) -> Norms | None:
    """From the data of `position_init`; None where that holds, or there is no such table."""
    data = data_of(properties, "position_init")
    yours, reference = _table(data), _table(data.get("reference"))
    if yours is None:
        return None
    tables = [table for table in (yours, reference) if table is not None]
    scale = _scale([size for table in tables for size in (*table.rows, table.tokens) if size])
    step = math.ceil((scale.high - scale.low) / 4)
    longest = max(len(table.rows) for table in tables)
    return Norms(
        yours=_plot("Yours", yours, scale, longest),
        reference=_plot("Reference", reference, scale, longest) if reference else None,
        ticks=tuple(
            Tick(y=scale.y(10.0**e), words=power_of_ten(e)) for e in range(scale.high, scale.low - 1, -step)
        ),
        last=longest - 1,
    )


def _table(value: Any) -> _Table | None:
    if not isinstance(value, Mapping):
        return None
    rows = numbers(value.get("rows"), most=MOST)
    tokens = number(value.get("tokens"))
    return _Table(tuple(_size(row) for row in rows), _size(tokens)) if rows else None


def _size(value: float | None) -> float | None:
    return value if value is not None and value >= 0 else None


def _scale(sizes: Sequence[float]) -> _Scale:
    """Whole powers of ten around what there is, from the top down."""
    high = math.ceil(math.log10(max(sizes, default=1.0)) + 0.05)
    low = math.floor(math.log10(min(sizes, default=0.1)) - 0.3)
    return _Scale(max(low, high - DECADES), high)


def _plot(name: str, table: _Table, scale: _Scale, longest: int) -> Plot:
    pitch = WIDTH / longest
    strokes = [
        f"M{LEFT + pitch * (i + 0.5):.1f} {TOP + HEIGHT}V{scale.y(size):g}"
        for i, size in enumerate(table.rows)
        if size
    ]
    tokens = None if table.tokens is None else scale.y(table.tokens)
    return Plot(
        name=name,
        words=f"{name}: {_words(table)}",
        path="".join(strokes),
        stroke=round(max(0.8, pitch * 0.72), 1),
        hatches=tuple(_hatches(table.rows, pitch)),
        tokens=tokens,
        tokens_words="" if table.tokens is None else f"{table.tokens:.2g}",
        rows=table.rows,
    )


def _hatches(rows: Sequence[float | None], pitch: float) -> list[Hatch]:
    """Runs of rows that were never set."""
    starts = [i for i, row in enumerate(rows) if row is None and (i == 0 or rows[i - 1] is not None)]
    hatches = []
    for start in starts:
        end = next((i for i in range(start, len(rows)) if rows[i] is not None), len(rows))
        hatches.append(Hatch(x=round(LEFT + pitch * start, 1), width=round(pitch * (end - start), 1)))
    return hatches


def _words(table: _Table) -> str:
    sizes = [size for size in table.rows if size is not None]
    unset = len(table.rows) - len(sizes)
    words = []
    if unset:
        words.append(f"{unset} of {len(table.rows)} rows of positions start as whatever was in memory")
    if sizes:
        words.append(f"norms of {len(sizes)} positions from {min(sizes):.3g} to {max(sizes):.3g}")
    if table.tokens is not None:
        words.append(f"mean norm of a token {table.tokens:.2g}")
    return "; ".join(words)
