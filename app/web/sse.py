"""Server-sent events: how one is written, and a stream that keeps quiet connections open."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from starlette.responses import StreamingResponse

KEEP_ALIVE_S = 15.0
RETRY_MS = 1_000


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One event; without an id it moves nobody's place in the stream."""

    kind: str
    data: dict[str, Any]
    id: int | None = None

    def encode(self) -> str:
        line = json.dumps(self.data, separators=(",", ":"), allow_nan=False)
        place = "" if self.id is None else f"id: {self.id}\n"
        return f"{place}event: {self.kind}\ndata: {line}\n\n"


class EventStream(StreamingResponse):
    """Answers with events until their source ends."""

    def __init__(
        self,
        events: AsyncIterator[ServerEvent],
        status_code: int = 200,
        *,
        keep_alive_s: float = KEEP_ALIVE_S,
    ) -> None:
        super().__init__(
            _encoded(events, keep_alive_s=keep_alive_s),
            status_code,
            media_type="text/event-stream",
            headers={"cache-control": "no-store", "x-accel-buffering": "no"},
        )


async def _encoded(events: AsyncIterator[ServerEvent], *, keep_alive_s: float) -> AsyncIterator[str]:
    """Events as text, with a comment whenever nothing came for a while."""
    yield f"retry: {RETRY_MS}\n\n"
    source = aiter(events)
    coming: asyncio.Future[ServerEvent] | None = None
    try:
        while True:
            coming = coming or asyncio.ensure_future(anext(source))
            done, _ = await asyncio.wait((coming,), timeout=keep_alive_s)
            if not done:
                yield ": still here\n\n"
                continue
            event, coming = coming, None
            try:
                yield event.result().encode()
            except StopAsyncIteration:
                return
    finally:
        if coming is not None:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)
