"""Which definition a line of a program stands in, read off the indentation: it works while one types."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

DEFINITION = re.compile(r"\s*(?:async\s+def|def|class)\s+(\w+)")
MARK = "# marked:"


def place_of(lines: Sequence[str], number: int) -> str:
    """The qualified name of the definition around a line (from 1); empty at the top level."""
    index = min(number, len(lines)) - 1
    while index >= 0 and not _says_something(lines[index]):
        index -= 1
    if index < 0:
        return ""
    names: list[str] = []
    limit = _indent(lines[index]) + 1  # a definition's own first line belongs to it
    while index >= 0 and limit > 0:
        line = lines[index]
        if _says_something(line) and _indent(line) < limit:
            limit = _indent(line)
            if found := DEFINITION.match(line):
                names.insert(0, found[1])
        index -= 1
    return ".".join(names)


def marked_places(starter: str) -> frozenset[str]:
    """The definitions that the marks of a starter name."""
    lines = starter.split("\n")
    marks = (number for number, line in enumerate(lines, start=1) if line.lstrip().startswith(MARK))
    return frozenset(place_of(lines, _next_definition(lines, number)) for number in marks)


def is_within(place: str, places: Collection[str]) -> bool:
    """Whether a definition is one of some, or stands inside one of them."""
    return any(place == outer or place.startswith(f"{outer}.") for outer in places)


def _next_definition(lines: Sequence[str], number: int) -> int:
    for below in range(number, len(lines)):
        if DEFINITION.match(lines[below]):
            return below + 1
    return number


def _says_something(line: str) -> bool:
    text = line.strip()
    return bool(text) and not text.startswith("#")


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
