"""The log: numbers without holes, writes of a try that lost its run refused, followers that miss nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.db import Database
from app.engine import log as log_module
from app.engine.blobs import keep
from app.engine.log import Ended, Entry, Numbered, RunLog, Superseded
from app.models import Attempt, Run, Stage, User
from tests.app.fakes import SteppingClock, until

pytestmark = pytest.mark.anyio

DONE = Ended(state="done", verdict={"outcome": "passed"})


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(tmp_path / "overfit.sqlite3")
    await database.migrate()
    async with database.write() as session:
        code = await keep(session, "x = 1")
        session.add(User(id="u", created_at=1))
        session.add(Attempt(id="a", mode="practice", variant={}, created_at=1))
        await session.flush()
        session.add(
            Stage(
                id="s",
                attempt_id="a",
                kind="debug",
                position=0,
                problem="tiny",
                variant={},
                starter=code,
                draft="",
                started_at=1,
            )
        )
        await session.flush()
        session.add(
            Run(id="r", stage_id="s", user_id="u", number=1, kind="run", code=code, draft_seq=0, created_at=1)
        )
    yield database
    await database.close()


@pytest.fixture
def log(db: Database) -> RunLog:
    return RunLog(db, SteppingClock())


def output(text: str) -> Entry:
    return Entry("output", {"stream": "stdout", "text": text})


async def started(log: RunLog) -> int:
    try_no = await log.start("r")
    assert try_no is not None
    return try_no


async def collect(log: RunLog, after: int = 0) -> list[Numbered]:
    return [event async for event in log.follow("r", after=after)]


async def test_a_run_is_claimed_once(log: RunLog) -> None:
    assert await log.start("r") == 1
    assert await log.start("r") is None


async def test_events_are_numbered_without_holes_over_batches(log: RunLog) -> None:
    try_no = await started(log)
    await log.append("r", try_no, [output("a"), output("b")])
    await log.append("r", try_no, [output("c")])
    await log.finish("r", try_no, DONE)
    events = await collect(log)
    assert [event.seq for event in events] == [1, 2, 3, 4, 5, 6]
    assert [event.kind for event in events] == ["status", "output", "output", "output", "verdict", "end"]


@pytest.mark.parametrize("ended", ["cancelled", "interrupted"])
async def test_a_run_that_was_ended_from_outside_takes_no_more_events_and_no_verdict(
    log: RunLog, ended: str
) -> None:
    try_no = await started(log)
    assert await log.end_unless_ended("r", Ended(state=ended))
    before = await log.read("r")
    with pytest.raises(Superseded):
        await log.append("r", try_no, [output("late")])
    with pytest.raises(Superseded):
        await log.finish("r", try_no, DONE)
    assert await log.read("r") == before
    assert not await log.end_unless_ended("r", Ended(state="error"))


async def test_an_earlier_try_writes_nothing_once_the_next_has_begun(log: RunLog) -> None:
    first = await started(log)
    second = await log.start_again("r", first)
    with pytest.raises(Superseded):
        await log.append("r", first, [output("zombie")])
    await log.append("r", second, [output("alive")])
    texts = [event.data.get("text") for event in await log.read("r")]
    assert "zombie" not in texts
    assert "alive" in texts


async def test_a_follower_gets_what_was_and_what_comes_then_ends(log: RunLog) -> None:
    try_no = await started(log)
    await log.append("r", try_no, [output("before")])
    following = asyncio.create_task(collect(log))
    await until(lambda: log.followers() == 1)
    await log.append("r", try_no, [output("after")])
    await log.finish("r", try_no, DONE)
    assert [event.seq for event in await following] == [1, 2, 3, 4, 5]
    assert log.followers() == 0


async def test_many_followers_that_come_and_go_lose_and_repeat_nothing(log: RunLog) -> None:
    try_no = await started(log)

    async def restless() -> list[int]:
        seen: list[int] = []
        while True:
            async for event in log.follow("r", after=seen[-1] if seen else 0):
                seen.append(event.seq)
                if event.kind == "end":
                    return seen
                if event.seq % 7 == 0:
                    break  # drops its connection, comes back with its last number

    following = [asyncio.create_task(restless()) for _ in range(3)]
    for number in range(40):
        await log.append("r", try_no, [output(str(number))])
    await log.finish("r", try_no, DONE)
    for seen in await asyncio.gather(*following):
        assert seen == list(range(1, 44))


async def test_a_lost_wake_up_costs_time_and_no_event(
    log: RunLog, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_module, "REREAD_S", 0.05)
    try_no = await started(log)
    following = asyncio.create_task(collect(log))
    await until(lambda: log.followers() == 1)
    another_process = RunLog(db, SteppingClock())  # its wake-ups don't reach the follower
    await another_process.finish("r", try_no, DONE)
    assert (await following)[-1].kind == "end"


async def test_closing_lets_followers_of_an_endless_run_go(log: RunLog) -> None:
    await started(log)
    following = asyncio.create_task(collect(log))
    await until(lambda: log.followers() == 1)
    log.close()
    assert [event.kind for event in await following] == ["status"]


async def test_following_an_ended_run_from_beyond_its_end_ends_at_once(log: RunLog) -> None:
    await log.finish("r", await started(log), DONE)
    assert await collect(log, after=99) == []
