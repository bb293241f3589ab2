"""Wakes those who wait for a topic, within this process; carries no data, so a lost wake-up loses none."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Wake:
    """Topics, and one event for each that listens to one."""

    def __init__(self) -> None:
        self._listening: dict[str, set[asyncio.Event]] = {}

    @contextmanager
    def listen(self, topic: str) -> Iterator[asyncio.Event]:
        """An event that is set by each later `call`; the listener clears it before it looks again."""
        event = asyncio.Event()
        listening = self._listening.setdefault(topic, set())
        listening.add(event)
        try:
            yield event
        finally:
            listening.discard(event)
            if not listening:
                self._listening.pop(topic, None)

    def call(self, topic: str) -> None:
        for event in self._listening.get(topic, ()):
            event.set()

    def call_all(self) -> None:
        for topic in self._listening:
            self.call(topic)

    def count(self) -> int:
        """How many listen, over all topics."""
        return sum(len(listening) for listening in self._listening.values())
