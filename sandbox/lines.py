"""JSON lines over a descriptor, with a bound on their length."""

from __future__ import annotations

import json
from typing import Any


class LineTooLong(ValueError):
    """A line went over its bound before it ended."""


class LineSplitter:
    """Cuts a stream of bytes into lines of at most `limit` bytes each."""

    def __init__(self, *, limit: int) -> None:
        self._limit = limit
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that `data` completes. Raises LineTooLong."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if max(map(len, (*lines, self._rest))) > self._limit:
            raise LineTooLong(f"a line of more than {self._limit} bytes")
        return lines


def encode(value: dict[str, Any]) -> bytes:
    """One line. Lone surrogates, which a page could not be made of, are replaced."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace") + b"\n"
