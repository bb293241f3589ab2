"""Joins what a process prints and reports within a moment into few events, the first of them at once.

Without it a submission that writes single bytes, to both streams in turn, would make an event of each.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

Tell = Callable[[str, dict[str, Any]], None]  # an event's kind and data
Points = list[list[float | int | None]]

_WINDOW_S = 0.01
_TEXT = 16 << 10  # characters in one event
_POINTS = 512


class Stream:
    """The events of one process on their way out; `flush` when its window is over, and at its end."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._texts: dict[str, list[str]] = {}
        self._points: Points = []
        self._next = 0.0

    @property
    def waiting(self) -> bool:
        return bool(self._texts or self._points)

    def add_text(self, stream: str, text: str) -> None:
        if text:
            self._texts.setdefault(stream, []).append(text)
            self.flush_if_due()

    def add_points(self, points: Points) -> None:
        if points:
            self._points += points
            self.flush_if_due()

    def flush_if_due(self) -> None:
        if self.waiting and time.monotonic() >= self._next:
            self.flush()

    def flush(self) -> None:
        for stream, texts in self._texts.items():
            text = "".join(texts)
            for start in range(0, len(text), _TEXT):
                self._tell("output", {"stream": stream, "text": text[start : start + _TEXT]})
        for start in range(0, len(self._points), _POINTS):
            self._tell("loss", {"points": self._points[start : start + _POINTS]})
        self._texts, self._points = {}, []
        self._next = time.monotonic() + _WINDOW_S
