"""Gathers a run's events for a moment, so that a chatty run costs few transactions."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from app.engine.log import Entry

SHORTEST_S, WINDOW_S = 0.004, 0.03  # the pause between two writes: it doubles while events keep coming
TEXT_LIMIT = 32_768  # characters of output that one event may carry

Write = Callable[[list[Entry]], Awaitable[None]]


class Batch:
    """Writes the first event at once, then all that came together within each pause.

    A write that failed stops the run: its error is raised by the next `add` or by `close`.
    """

    def __init__(
        self, write: Callable[[list[Entry]], Awaitable[None]], *, window_s: float = WINDOW_S
    ) -> None:
        self._write = write
        self._window_s = window_s
        self._waiting: list[Entry] = []
        self._task: asyncio.Task[None] | None = None
        self._error: Exception | None = None

    async def add(self, entry: Entry) -> None:
        if self._error is not None:
            raise self._error
        joined = _joined(self._waiting[-1], entry) if self._waiting else None
        if joined is None:
            self._waiting.append(entry)
        else:
            self._waiting[-1] = joined
        if self._task is None:
            self._task = asyncio.create_task(self._write_until_empty())

    async def close(self) -> None:
        """Write what is left."""
        if self._task is not None:
            await self._task
        if self._error is not None:
            raise self._error

    async def abandon(self) -> None:
        """Stop writing; what waits is dropped."""
        self._waiting.clear()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _write_until_empty(self) -> None:
        pause = min(SHORTEST_S, self._window_s)
        try:
            while self._waiting:
                entries, self._waiting = self._waiting, []
                await self._write(entries)
                await asyncio.sleep(pause)
                pause = min(2 * pause, self._window_s)
        except Exception as error:  # handed to the run, which decides
            self._error = error
        finally:
            self._task = None


def _joined(last: Entry, entry: Entry) -> Entry | None:
    """Two events as one, where they say the same kind of thing."""
    if last.kind != entry.kind:
        return None
    if entry.kind == "output" and last.data["stream"] == entry.data["stream"]:
        text = last.data["text"] + entry.data["text"]
        return (
            None if len(text) > TEXT_LIMIT else Entry("output", {**entry.data, "text": text}, entry.audience)
        )
    if entry.kind == "loss":
        return Entry("loss", {"points": [*last.data["points"], *entry.data["points"]]}, entry.audience)
    return None
