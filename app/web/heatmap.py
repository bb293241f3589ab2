"""Pictures of a square of numbers: yours and the reference on one scale, beside each other.

What each position can see: row = position, column = changed token, ink = how far the logits moved.
Where it looks: row = position, column = position looked at, ink = weight of the first attention, and the
sum of each row beside it. A cell above the diagonal that responds or weighs is the future showing: it has
another colour and a hatch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from app.web.measured import Rows, data_of, labels, number, square

STEP = 15  # pixels from cell to cell
CELL = 14
LEFT, TOP = 22, 46
SUMS = 32  # pixels for the sums of rows
POWER = 0.7  # so that small responses stay visible
FAINT = 0.18  # the least ink of a cell that responds at all
LEAST_WEIGHT = 5e-5  # a weight that is rounded to nothing
EVEN = 5e-3  # how far from 1 the sum of a row may be, of weights to four places


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    x: int
    y: int
    kind: Literal["cell", "none", "leak"]
    ink: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """What a row comes to, where that says something."""

    y: int
    words: str
    even: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Map:
    """One matrix, drawn and as numbers."""

    name: str
    words: str
    cells: tuple[Cell, ...]
    rows: Rows
    sums: tuple[Sum, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Heatmap:
    name: str  # tells the pictures of one page apart
    title: str
    facts: str
    table: str  # what its numbers are
    labels: tuple[str, ...]
    yours: Map
    reference: Map | None
    width: int
    height: int
    quiet: float  # what is below it is numerical noise
    drawn_by: str = "heat"


def heatmap(properties: Sequence[Mapping[str, Any]]) -> Heatmap | None:
    """What each position can see, from the data of `causal`; None where it was not measured."""
    data = data_of(properties, "causal")
    yours, quiet = square(data.get("matrix")), number(data.get("tolerance"))
    chars = labels(data.get("chars"), count=len(yours or ()))
    if yours is None or quiet is None or chars is None:
        return None
    reference = _alike(data.get("reference"), yours)
    scale = _largest(yours, reference)
    return Heatmap(
        name="sight",
        title="What each position can see",
        facts="row: position · column: changed token",
        table="How far the logits of each position moved",
        labels=chars,
        yours=_seen("Yours", yours, scale=scale, quiet=quiet),
        reference=_seen("Reference", reference, scale=scale, quiet=quiet) if reference else None,
        quiet=quiet,
        width=LEFT + STEP * len(yours) + 2,
        height=LEFT + STEP * len(yours) + 26,
    )


def attention_map(properties: Sequence[Mapping[str, Any]]) -> Heatmap | None:
    """Where each position looks, from the data of `attention_rows`; None where that holds or wasn't seen."""
    data = data_of(properties, "attention_rows")
    yours = square(data.get("matrix"))
    chars = labels(data.get("chars"), count=len(yours or ()))
    if yours is None or chars is None:
        return None
    reference = _alike(data.get("reference"), yours)
    scale = _largest(yours, reference)
    return Heatmap(
        name="rows",
        title="Where each position looks",
        facts="row: position · column: looked at · Σ: sum",
        table="Weights of the first attention, averaged over its heads",
        labels=chars,
        yours=_weighed("Yours", yours, scale=scale),
        reference=_weighed("Reference", reference, scale=scale) if reference else None,
        quiet=LEAST_WEIGHT,
        width=LEFT + STEP * len(yours) + 2 + SUMS,
        height=LEFT + STEP * len(yours) + 26,
    )


def _alike(value: Any, yours: Rows) -> Rows | None:
    found = square(value)
    return found if found is not None and len(found) == len(yours) else None


def _largest(yours: Rows, reference: Rows | None) -> float:
    return max(abs(value) for rows in (yours, reference or yours) for row in rows for value in row) or 1.0


def _seen(name: str, rows: Rows, *, scale: float, quiet: float) -> Map:
    cells = _cells(rows, scale=scale, quiet=quiet)
    leaks = sum(cell.kind == "leak" for cell in cells)
    above = len(rows) * (len(rows) - 1) // 2
    words = (
        f"{name}: {leaks} of {above} cells above the diagonal respond to later tokens"
        if leaks
        else f"{name}: no position responds to tokens after it"
    )
    return Map(name=name, words=words, cells=cells, rows=rows)


def _weighed(name: str, rows: Rows, *, scale: float) -> Map:
    totals = [sum(row) for row in rows]
    sums = tuple(
        Sum(y=TOP + STEP * i + 11, words=_short(total), even=abs(total - 1) <= EVEN)
        for i, total in enumerate(totals)
    )
    uneven = sum(not one.even for one in sums)
    words = (
        f"{name}: {uneven} of {len(rows)} rows do not sum to 1; sums from {_short(min(totals))}"
        f" to {_short(max(totals))}"
        if uneven
        else f"{name}: each of {len(rows)} rows sums to 1"
    )
    cells = _cells(rows, scale=scale, quiet=LEAST_WEIGHT)
    return Map(name=name, words=words, cells=cells, rows=rows, sums=sums)


def _short(total: float) -> str:
    return f"{total:.2f}" if abs(total) < 100 else f"{total:.0e}"


def _cells(rows: Rows, *, scale: float, quiet: float) -> tuple[Cell, ...]:
    return tuple(
        _cell(row, column, abs(value), scale=scale, quiet=quiet)
        for row, line in enumerate(rows)
        for column, value in enumerate(line)
    )


def _cell(row: int, column: int, value: float, *, scale: float, quiet: float) -> Cell:
    kind: Literal["cell", "none", "leak"]
    kind = "none" if value <= quiet else "leak" if column > row else "cell"
    ink = 1.0 if kind == "none" else FAINT + (1 - FAINT) * (value / scale) ** POWER
    return Cell(x=LEFT + STEP * column, y=TOP + STEP * row, kind=kind, ink=round(ink, 2))
