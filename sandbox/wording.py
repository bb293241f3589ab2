"""How findings put numbers and names into sentences."""

from __future__ import annotations

from collections.abc import Iterable
from typing import SupportsFloat

from sandbox.failures import Failure

GARBAGE = "Could not be tried: the model starts from whatever was in memory."


def shown(value: SupportsFloat) -> str:
    """A size to three places, small ones as a power of ten: never 0.000 for what is not 0."""
    size = float(value)
    return f"{size:.3f}" if size == 0 or abs(size) >= 0.0005 else f"{size:.0e}"


def counted(count: int, one: str, many: str = "") -> str:
    """A number with its noun: 1 token, 2 tokens."""
    return f"{count} {one if count == 1 else many or f'{one}s'}"


def among(names: Iterable[str], *, most: int = 3) -> str:
    """The first names, and how many more there are."""
    every = list(names)
    listed = ", ".join(f"`{name}`" for name in every[:most])
    return listed if len(every) <= most else f"{listed} and {len(every) - most} more"


def one_line(text: str) -> str:
    return text.replace("\n", "\\n")


def stopped(reason: Failure) -> str:
    """A failure as sentences: where it stopped and what was said there."""
    where = f"It stopped on line {reason['line']}. " if reason["line"] else ""
    return f"{where}{reason['message']}"
