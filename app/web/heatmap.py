"""The picture of what each position can see: yours and the reference on one scale, beside each other.

Row = position, column = changed token, ink = how far the logits moved. A cell above the diagonal that moves
is the future showing: it has another colour and a hatch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

STEP = 15  # pixels from cell to cell
CELL = 14
LEFT, TOP = 22, 46
POWER = 0.7  # so that small responses stay visible
FAINT = 0.18  # the least ink of a cell that responds at all


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    x: int
    y: int
    kind: Literal["cell", "none", "leak"]
    ink: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Map:
    """One matrix, drawn and as numbers."""

    name: str
    words: str
    cells: tuple[Cell, ...]
    rows: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heatmap:
    labels: tuple[str, ...]
    yours: Map
    reference: Map | None
    size: int
    quiet: float  # what is below it is numerical noise


def heatmap(properties: Sequence[Mapping[str, Any]]) -> Heatmap | None:
    """From the data of the property `causal`; None where it was not measured."""
    found = next((p for p in properties if p["name"] == "causal"), None)
    data: Mapping[str, Any] = (found or {}).get("data") or {}
    yours = data.get("matrix")
    if not yours:
        return None
    reference = data.get("reference")
    scale = max(max(map(max, rows)) for rows in (yours, reference or yours)) or 1.0
    quiet = data["tolerance"]
    labels = tuple("·" if char == " " else char for char in data["chars"])
    return Heatmap(
        labels=labels,
        yours=_map("Yours", yours, scale=scale, quiet=quiet),
        reference=_map("Reference", reference, scale=scale, quiet=quiet) if reference else None,
        quiet=quiet,
        size=LEFT + STEP * len(yours) + 2,
    )


def _map(name: str, rows: Sequence[Sequence[float]], *, scale: float, quiet: float) -> Map:
    cells = tuple(
        _cell(row, column, value, scale=scale, quiet=quiet)
        for row, line in enumerate(rows)
        for column, value in enumerate(line)
    )
    leaks = sum(cell.kind == "leak" for cell in cells)
    above = len(rows) * (len(rows) - 1) // 2
    words = (
        f"{name}: {leaks} of {above} cells above the diagonal respond to later tokens"
        if leaks
        else f"{name}: no position responds to tokens after it"
    )
    return Map(name=name, words=words, cells=cells, rows=tuple(tuple(row) for row in rows))


def _cell(row: int, column: int, value: float, *, scale: float, quiet: float) -> Cell:
    kind: Literal["cell", "none", "leak"]
    kind = "none" if value <= quiet else "leak" if column > row else "cell"
    ink = 1.0 if kind == "none" else FAINT + (1 - FAINT) * (value / scale) ** POWER
    return Cell(x=LEFT + STEP * column, y=TOP + STEP * row, kind=kind, ink=round(ink, 2))
