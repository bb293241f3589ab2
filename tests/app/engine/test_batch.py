"""Batches: the first event at once, a burst in few writes, nothing lost, errors handed back."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.engine.batch import Batch
from app.engine.log import Entry
from tests.app.fakes import until

pytestmark = pytest.mark.anyio

STREAMS = st.lists(st.tuples(st.sampled_from(["stdout", "stderr"]), st.text(max_size=4)), max_size=20)


def output(text: str, stream: str = "stdout") -> Entry:
    return Entry("output", {"stream": stream, "text": text})


async def test_the_first_event_is_written_at_once_and_a_burst_together() -> None:
    writes: list[list[Entry]] = []

    async def write(entries: list[Entry]) -> None:
        writes.append(entries)

    batch = Batch(write, window_s=0.02)
    await batch.add(output("first"))
    await until(lambda: writes)
    for number in range(50):
        await batch.add(output(str(number)))
    await batch.close()
    assert [len(entries) for entries in writes] == [1, 1]
    assert writes[1][0].data["text"] == "".join(map(str, range(50)))


async def test_losses_come_together_in_one_event() -> None:
    written: list[Entry] = []

    async def write(entries: list[Entry]) -> None:
        written.extend(entries)

    batch = Batch(write, window_s=0.01)
    await batch.add(output("x"))
    for step in range(3):
        await batch.add(Entry("loss", {"points": [[step, 1.0]]}))
    await batch.close()
    assert written[-1].data["points"] == [[0, 1.0], [1, 1.0], [2, 1.0]]


async def test_a_write_that_fails_is_told_to_the_run() -> None:
    async def write(entries: list[Entry]) -> None:
        raise OSError("no room")

    batch = Batch(write, window_s=0)
    await batch.add(output("x"))
    with pytest.raises(OSError, match="no room"):
        await batch.close()
    with pytest.raises(OSError, match="no room"):
        await batch.add(output("y"))


@settings(max_examples=30, deadline=None)
@given(printed=STREAMS)
def test_each_stream_keeps_its_text_and_its_order(printed: list[tuple[str, str]]) -> None:
    import asyncio

    written: list[Entry] = []

    async def scenario() -> None:
        async def write(entries: list[Entry]) -> None:
            written.extend(entries)

        batch = Batch(write, window_s=0)
        for stream, text in printed:
            await batch.add(output(text, stream))
        await batch.close()

    asyncio.run(scenario())
    for stream in ("stdout", "stderr"):
        got = "".join(entry.data["text"] for entry in written if entry.data["stream"] == stream)
        assert got == "".join(text for name, text in printed if name == stream)
