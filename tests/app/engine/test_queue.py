"""The queue: one run a person at a time, persons in turn, positions that come true."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.engine.queue import Queue
from tests.app.fakes import until

pytestmark = pytest.mark.anyio

PEOPLE = st.lists(st.sampled_from("abc"), min_size=1, max_size=8)


class Work:
    """Runs that go on until they are let go, in the order in which they were started."""

    def __init__(self, queue: Queue) -> None:
        self.queue = queue
        self.started: list[str] = []
        self.gates: dict[str, asyncio.Event] = {}
        self.going: Counter[str] = Counter()
        self.most_going: Counter[str] = Counter()

    async def execute(self, run_id: str) -> None:
        person = run_id[0]
        self.started.append(run_id)
        self.going[person] += 1
        self.most_going[person] = max(self.most_going[person], self.going[person])
        try:
            await self.gates.setdefault(run_id, asyncio.Event()).wait()
        finally:
            self.going[person] -= 1

    def let_go(self, run_id: str) -> None:
        self.gates.setdefault(run_id, asyncio.Event()).set()


@pytest.fixture
async def work() -> AsyncIterator[Work]:
    queue = Queue(slots=2)
    yield Work(queue)
    await queue.close()


def push_all(queue: Queue, people: str | list[str]) -> list[str]:
    run_ids = [f"{person}{number}" for number, person in enumerate(people)]
    for run_id in run_ids:
        queue.push(run_id, user_id=run_id[0])
    return run_ids


async def test_nothing_starts_before_the_queue_is_opened(work: Work) -> None:
    push_all(work.queue, "ab")
    await asyncio.sleep(0)
    assert work.started == []
    work.queue.open(work.execute)
    await until(lambda: work.started == ["a0", "b1"])


async def test_a_person_with_many_runs_does_not_hold_up_the_next_person(work: Work) -> None:
    work.queue.open(work.execute)
    push_all(work.queue, "aaaaab")
    await until(lambda: work.started == ["a0", "b5"])


async def test_persons_take_turns(work: Work) -> None:
    queue = Queue(slots=1)
    work.queue = queue
    run_ids = push_all(queue, "aaabbc")
    for run_id in run_ids:
        work.let_go(run_id)
    queue.open(work.execute)
    await until(lambda: len(work.started) == 6)
    assert "".join(run_id[0] for run_id in work.started) == "abcaba"
    await queue.close()


async def test_background_work_waits_until_nobody_does(work: Work) -> None:
    queue = Queue(slots=1)
    ran: list[str] = []

    async def background() -> None:
        ran.append("background")

    async def execute(run_id: str) -> None:
        ran.append(run_id)

    queue.push_background(background)
    push_all(queue, "ab")
    queue.open(execute)
    await until(lambda: len(ran) == 3)
    assert ran == ["a0", "b1", "background"]
    await queue.close()


async def test_a_cancelled_run_leaves_the_line_or_stops(work: Work) -> None:
    work.queue.open(work.execute)
    push_all(work.queue, "aa")
    await until(lambda: work.started == ["a0"])
    work.queue.cancel("a1")
    work.queue.cancel("a0")
    await until(lambda: work.queue.running == 0)
    assert (work.started, work.queue.waiting) == (["a0"], 0)


async def test_a_run_that_breaks_frees_its_slot_and_its_person() -> None:
    queue, started = Queue(slots=1), []

    async def execute(run_id: str) -> None:
        started.append(run_id)
        raise RuntimeError("the run breaks")

    queue.open(execute)
    push_all(queue, "aa")
    await until(lambda: started == ["a0", "a1"])
    await queue.close()


@settings(max_examples=40, deadline=None)
@given(people=PEOPLE)
def test_positions_come_true_and_nobody_has_two_running(people: list[str]) -> None:
    async def scenario() -> None:
        queue = Queue(slots=1)
        work = Work(queue)
        run_ids = push_all(queue, people)
        promised = sorted(run_ids, key=lambda run_id: queue.position(run_id) or 0)
        for run_id in run_ids:
            work.let_go(run_id)
        queue.open(work.execute)
        await until(lambda: len(work.started) == len(run_ids))
        await queue.close()
        assert work.started == promised
        assert set(work.most_going.values()) == {1}

    asyncio.run(scenario())
