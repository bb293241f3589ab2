"""Server-sent events: how one is written, and that quiet streams are kept open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from app.web.sse import EventStream, ServerEvent

pytestmark = pytest.mark.anyio


async def pieces(stream: EventStream) -> list[str]:
    return [str(piece) async for piece in stream.body_iterator]


def test_an_event_is_one_block_whatever_its_text_holds() -> None:
    event = ServerEvent("output", {"text": "a\n\ndata: b\r\u2028"}, id=3)
    assert event.encode() == 'id: 3\nevent: output\ndata: {"text":"a\\n\\ndata: b\\r\\u2028"}\n\n'


async def test_a_quiet_stream_sends_comments_until_an_event_comes() -> None:
    come = asyncio.Event()

    async def source() -> AsyncIterator[ServerEvent]:
        await come.wait()
        yield ServerEvent("end", {})

    stream = EventStream(source(), keep_alive_s=0.01)
    body = aiter(stream.body_iterator)
    assert str(await anext(body)).startswith("retry:")
    assert await anext(body) == ": still here\n\n"
    come.set()
    rest = [str(piece) async for piece in body]
    assert rest[-1] == "event: end\ndata: {}\n\n"


async def test_a_follower_that_goes_away_ends_its_source() -> None:
    ended = asyncio.Event()

    async def source() -> AsyncIterator[ServerEvent]:
        try:
            await asyncio.Event().wait()
            yield ServerEvent("end", {})
        finally:
            ended.set()

    stream = EventStream(source(), keep_alive_s=0.01)
    body = aiter(stream.body_iterator)
    await anext(body)
    await anext(body)
    await body.aclose()  # type: ignore[attr-defined]
    async with asyncio.timeout(5):
        await ended.wait()
