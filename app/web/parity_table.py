"""The picture of parity: a row for each way of feeding a cache, and what the first row that diverges saw.

A dot is equal, a hatch has diverged, darker by the logarithm of its size; a tick stands where a step begins.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

LEFT, TOP, PITCH, ROW, CELL = 148, 34, 21, 30, 20  # pixels; a row is CELL + 2 high
MAP_LEFT, MAP_TOP, MAP_PITCH = 22, 40, 19
FAINT = 0.3  # the least ink of a place that has diverged
WIDEST = 32  # positions
TITLES = {
    "parity_single": "Token by token",
    "parity_prefill": "Prefill, then single",
    "parity_chunks": "Chunks",
    "parity_mixed": "Mixed",
    "parity_batch": "Batch of 2",
}
PLACES = {"input": "what it stores", "attention": "attention output"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One position of a row."""

    x: int
    size: float
    equal: bool
    ink: float
    begins: bool  # a step begins here
    first: bool  # the first that has diverged


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    name: str
    steps: str  # 7 + 1 x 8
    words: str
    y: int
    holds: bool
    places: tuple[Place, ...]  # none where the program stopped


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Which tokens the places of a step respond to: a cell is "stored", "past", "future" or "nothing"."""

    name: str
    x: int
    cells: tuple[tuple[int, int, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Divergence:
    """The first place of the first row that diverged."""

    row: str
    step: int
    position: int
    layer: str
    size: float
    stored: int
    new: int
    maps: tuple[Seen, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParityTable:
    rows: tuple[Row, ...]
    positions: int
    tolerance: float
    largest: float
    divergence: Divergence | None
    words: str

    @property
    def width(self) -> int:
        return LEFT + PITCH * self.positions + 2

    @property
    def height(self) -> int:
        return TOP + ROW * len(self.rows)


def parity_table(properties: Sequence[Mapping[str, Any]]) -> ParityTable | None:
    """From the data of the parity properties; None where none was measured. What is malformed is left out."""
    found = {entry["name"]: entry for entry in properties if entry["name"] in TITLES}
    measured = [(found[name], data) for name in TITLES if name in found and (data := _data(found[name]))]
    if not measured:
        return None
    sizes = [size for _, data in measured for size in data["sizes"]]
    largest, tolerance = max(sizes, default=0.0), max(data["tolerance"] for _, data in measured)
    rows = tuple(_row(i, *one, largest=largest) for i, one in enumerate(measured))
    return ParityTable(
        rows=rows,
        positions=max(sum(data["pattern"]) for _, data in measured),
        tolerance=tolerance,
        largest=largest,
        divergence=next(_divergences(measured), None),
        words=". ".join(f"{row.name}: {row.words}" for row in rows),
    )


def _data(entry: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """A property's table, if it is one."""
    data = entry.get("data")
    if not isinstance(data, Mapping) or not _whole(data.get("pattern"), least=1):
        return None
    total, sizes, tolerance = sum(data["pattern"]), data.get("sizes"), data.get("tolerance")
    if total > WIDEST or not isinstance(sizes, list) or len(sizes) not in (0, total):
        return None
    if not all(_is_size(value) for value in (*sizes, tolerance)):
        return None
    return data


def _whole(values: Any, *, least: int) -> bool:
    return (
        isinstance(values, list)
        and 0 < len(values) <= WIDEST
        and all(type(v) is int and least <= v <= WIDEST for v in values)
    )


def _is_size(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value) and value >= 0


def _row(index: int, entry: Mapping[str, Any], data: Mapping[str, Any], *, largest: float) -> Row:
    begins = {0, *accumulate(data["pattern"])}
    diverged = [i for i, size in enumerate(data["sizes"]) if size > data["tolerance"]]
    places = tuple(
        Place(
            x=LEFT + PITCH * i,
            size=size,
            equal=size <= data["tolerance"],
            ink=_ink(size, data["tolerance"], largest),
            begins=i in begins,
            first=diverged[:1] == [i],
        )
        for i, size in enumerate(data["sizes"])
    )
    stopped = "the program stopped" if not places else ""
    parts = f"diverges from position {diverged[0]}" if diverged else "equal at every position"
    return Row(
        name=TITLES[entry["name"]],
        steps=_steps(data["pattern"]),
        words=stopped or parts,
        y=TOP + ROW * index,
        holds=entry.get("status") == "held",
        places=places,
    )


def _ink(size: float, tolerance: float, largest: float) -> float:
    """By the logarithm of the size, from the tolerance to the largest of all rows."""
    if size <= tolerance or tolerance <= 0 or largest <= tolerance:
        return 1.0
    share = math.log(size / tolerance) / math.log(largest / tolerance)
    return round(FAINT + (1 - FAINT) * share, 2)


def _steps(pattern: Sequence[int]) -> str:
    """Equal steps at the end are counted: 7 + 1 x 8."""
    ones = len(pattern) - next((i for i in range(len(pattern), 0, -1) if pattern[i - 1] != 1), 0)
    if ones < 3:
        return ", ".join(map(str, pattern))
    first = ", ".join(map(str, pattern[: len(pattern) - ones]))
    return f"{first} + 1 × {ones}" if first else f"1 × {ones}"


def _divergences(measured: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> Iterator[Divergence]:
    for entry, data in measured:
        first = data.get("first")
        if not isinstance(first, Mapping) or not _is_size(first.get("size")):
            continue
        numbers = [first.get(name) for name in ("step", "position", "stored", "new")]
        if not all(type(number) is int and 0 <= number <= WIDEST for number in numbers):
            continue
        step, position, stored, new = (int(number) for number in numbers if number is not None)
        yield Divergence(
            row=TITLES[entry["name"]],
            step=step,
            position=position,
            layer=_layer(first),
            size=first["size"],
            stored=stored,
            new=new,
            maps=_maps(first.get("sees"), stored=stored, new=new),
        )


def _layer(first: Mapping[str, Any]) -> str:
    layer = first.get("layer")
    if type(layer) is not int:
        return "not seen"
    place = PLACES.get(str(first.get("place")))
    return f"{layer}, {place}" if place else str(layer)


def _maps(sees: Any, *, stored: int, new: int) -> tuple[Seen, ...]:
    """What the step's places respond to, beside what a right program's do; only where it has several."""
    if not isinstance(sees, list) or len(sees) != new or new < 2:
        return ()
    if not all(isinstance(row, list) and len(row) == stored + new for row in sees):
        return ()
    expected = [[column <= stored + row for column in range(stored + new)] for row in range(new)]
    apart = MAP_LEFT * 2 + MAP_PITCH * (stored + new)
    mine = sum(map(bool, (value for row in sees for value in row)))
    right = sum(value for row in expected for value in row)
    return (
        _seen(f"Yours, {mine} respond", sees, x=0, stored=stored),
        _seen(f"Expected, {right}", expected, x=apart, stored=stored),
    )


def _seen(name: str, rows: Sequence[Sequence[Any]], *, x: int, stored: int) -> Seen:
    cells = tuple(
        (
            x + MAP_LEFT + MAP_PITCH * column,
            MAP_TOP + MAP_PITCH * row,
            _kind(bool(value), column=column, place=stored + row, stored=stored),
        )
        for row, values in enumerate(rows)
        for column, value in enumerate(values)
    )
    return Seen(name=name, x=x, cells=cells)


def _kind(responds: bool, *, column: int, place: int, stored: int) -> str:
    if not responds:
        return "nothing"
    return "stored" if column < stored else "past" if column <= place else "future"
