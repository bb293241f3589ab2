"""The picture of the gradient that reaches each parameter tensor: a bar a tensor, yours and the reference's.

The length is the gradient's root mean square on a log scale. A tensor that gets none has no bar: a hatched
box stands in its place, and the word.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from app.web.measured import data_of, number
from app.web.words import power_of_ten

MOST = 40  # tensors
LABEL, BAR, GAP = 182, 138, 16  # pixels: names, the longest bar, between the columns
TOP, STEP = 44, 15
NAMED = 3  # tensors without a gradient that the words name
LONGEST = 26  # characters of a name that fit
EDGE = 40.0  # exponents beyond are no gradients of ours


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One tensor in one column; its width is None where no gradient comes."""

    x: int
    width: float | None
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    name: str
    label: str
    y: int
    yours: Bar
    reference: Bar | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    x: float
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    words: str
    tensors: tuple[Tensor, ...]
    ticks: tuple[Tick, ...]
    columns: tuple[tuple[str, int], ...]
    left_out: int
    height: int
    width: int = LABEL + 2 * BAR + GAP + 12
    name: str = "reach"
    drawn_by: str = "reach"

    @property
    def compared_by_name(self) -> bool:
        """Whether the reference stands beside some of the tensors and not beside others."""
        return len(self.columns) > 1 and any(tensor.reference is None for tensor in self.tensors)


class _Row(NamedTuple):
    """A tensor's exponents, None for no gradient; not compared where the reference has no such name."""

    name: str
    yours: float | None
    reference: float | None
    compared: bool


class _Scale(NamedTuple):
    low: int
    high: int

    def bar(self, exponent: float | None, *, x: int) -> Bar:
        if exponent is None:
            return Bar(x=x, width=None, words="none")
        share = (exponent - self.low) / (self.high - self.low)
        return Bar(x=x, width=round(BAR * share, 1), words=f"{10**exponent:.1e}")

    def ticks(self, *, x: int) -> list[Tick]:
        exponents = range(self.high, self.low, -math.ceil((self.high - self.low) / 3))
        return [Tick(x=self.bar(e, x=x).width or 0.0, words=power_of_ten(e)) for e in exponents]


def reach(properties: Sequence[Mapping[str, Any]]) -> Reach | None:
    """From the data of `gradients_reach`; None where every tensor gets one, or nothing was measured."""
    data = data_of(properties, "gradients_reach")
    rows = _rows(data.get("tensors"))
    if not rows:
        return None
    scale = _scale([e for row in rows for e in (row.yours, row.reference) if e is not None])
    columns = [("Yours", LABEL), ("Reference", LABEL + BAR + GAP)][: 1 + any(row.compared for row in rows)]
    of = int(number(data.get("of")) or 0)
    return Reach(
        words=" ".join(_words(rows)),
        tensors=tuple(_tensor(row, scale, y=TOP + STEP * i) for i, row in enumerate(rows)),
        ticks=tuple(Tick(x=x + tick.x, words=tick.words) for _, x in columns for tick in scale.ticks(x=x)),
        columns=tuple(columns),
        left_out=max(0, of - len(rows)),
        height=TOP + STEP * len(rows) + 4,
    )


def _rows(value: Any) -> list[_Row]:
    """A name with one exponent or two; what has another form is left out."""
    given = value[:MOST] if isinstance(value, list) else []
    rows = []
    for row in given:
        if isinstance(row, list) and len(row) in (2, 3) and isinstance(row[0], str):
            exponents = [_exponent(one) for one in row[1:]]
            rows.append(_Row(row[0][:80], exponents[0], exponents[-1], len(row) == 3))
    return [row if row.compared else row._replace(reference=None) for row in rows]


def _exponent(value: Any) -> float | None:
    found = number(value)
    return None if found is None else max(-EDGE, min(EDGE, found))


def _scale(exponents: Sequence[float]) -> _Scale:
    """Whole powers of ten around all of them, so that the shortest bar is still one."""
    low = math.floor(min(exponents, default=0.0) - 0.4)
    return _Scale(low, max(low + 1, math.ceil(max(exponents, default=0.0))))


def _tensor(row: _Row, scale: _Scale, *, y: int) -> Tensor:
    short = row.name if len(row.name) <= LONGEST else f"…{row.name[1 - LONGEST :]}"
    beside = scale.bar(row.reference, x=LABEL + BAR + GAP) if row.compared else None
    return Tensor(name=row.name, label=short, y=y, yours=scale.bar(row.yours, x=LABEL), reference=beside)


def _words(rows: Sequence[_Row]) -> list[str]:
    missed = [row.name for row in rows if row.yours is None]
    more = f" and {len(missed) - NAMED} more" if len(missed) > NAMED else ""
    named = f": {', '.join(missed[:NAMED])}{more}" if missed else ""
    words = [f"Yours: {len(missed)} of {len(rows)} parameter tensors get no gradient{named}."]
    if compared := [row for row in rows if row.compared]:
        without = sum(row.reference is None for row in compared)
        each = "each" if without == 0 else f"all but {without}"
        words.append(f"Reference: {each} of the {len(compared)} by the same names gets one.")
    return words
