"""Who runs next, within this process: one running run a person, persons in turn, background work last.

The table is the queue's memory: what is `queued` there is pushed again when the server starts. Here stands
only the order.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import structlog

Execute = Callable[[str], Awaitable[None]]
Background = Callable[[], Coroutine[Any, Any, None]]

logger = structlog.get_logger(__name__)


class Queue:
    """Waiting runs by person; tasks for those that run. Starts nothing before it is opened."""

    def __init__(self, *, slots: int) -> None:
        self._slots = slots
        self._execute: Execute | None = None
        self._waiting: dict[str, deque[str]] = {}  # in the order in which persons have their turn
        self._running: dict[str, asyncio.Task[None]] = {}
        self._person_of: dict[str, str] = {}
        self._background: deque[Background] = deque()
        self._background_task: asyncio.Task[None] | None = None

    def open(self, execute: Execute) -> None:
        """Start what waits, now and from now on."""
        self._execute = execute
        self._fill()

    def push(self, run_id: str, *, user_id: str) -> None:
        """Put a run in line, once."""
        if run_id in self._person_of:
            return
        self._waiting.setdefault(user_id, deque()).append(run_id)
        self._person_of[run_id] = user_id
        self._fill()

    def push_background(self, work: Background, *, first: bool = False) -> None:
        """Work for a moment in which no run waits; one at a time, `first` before what nobody looks at."""
        if first:
            self._background.appendleft(work)
        else:
            self._background.append(work)
        self._fill()

    def cancel(self, run_id: str) -> None:
        """Take a run out of the line, or cancel its task."""
        task = self._running.get(run_id)
        if task is not None:
            task.cancel()
            return
        user_id = self._person_of.pop(run_id, None)
        if user_id is not None:
            self._waiting[user_id].remove(run_id)
            if not self._waiting[user_id]:
                del self._waiting[user_id]

    def position(self, run_id: str) -> int | None:
        """1 for the run that starts next; None when it doesn't wait here."""
        user_id = self._person_of.get(run_id)
        if user_id is None or run_id in self._running:
            return None
        before_mine = self._waiting[user_id].index(run_id)
        ahead, earlier = before_mine, 1
        for person, runs in self._waiting.items():
            if person == user_id:
                earlier = 0
            else:
                ahead += min(len(runs), before_mine + earlier)
        return ahead + 1

    def works_on(self, run_id: str) -> bool:
        return run_id in self._running

    @property
    def waiting(self) -> int:
        return sum(len(runs) for runs in self._waiting.values())

    @property
    def running(self) -> int:
        return len(self._running)

    def hold(self) -> None:
        """Start nothing more; what runs goes on."""
        self._execute = None

    async def close(self) -> None:
        """Start nothing more; cancel what runs and wait until it has ended."""
        self.hold()
        tasks = [*self._running.values()]
        if self._background_task is not None:
            tasks.append(self._background_task)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _fill(self) -> None:
        if self._execute is None:
            return
        while len(self._running) < self._slots and (run_id := self._take()) is not None:
            task = asyncio.create_task(self._guard(self._execute(run_id)), name=f"run {run_id}")
            self._running[run_id] = task
            task.add_done_callback(functools.partial(self._ended, run_id))
        if self._background and self._background_task is None and len(self._running) < self._slots:
            work = self._background.popleft()
            self._background_task = asyncio.create_task(self._guard(work()), name="background")
            self._background_task.add_done_callback(self._background_ended)

    def _take(self) -> str | None:
        """The first run of the first person who has none running; that person's next turn comes last."""
        busy = {self._person_of[run_id] for run_id in self._running}
        person = next((person for person in self._waiting if person not in busy), None)
        if person is None:
            return None
        runs = self._waiting.pop(person)
        run_id = runs.popleft()
        if runs:
            self._waiting[person] = runs
        return run_id

    async def _guard(self, work: Awaitable[None]) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            try:
                await work
            except Exception:
                logger.exception("a run's task broke")

    def _ended(self, run_id: str, _done: asyncio.Task[None]) -> None:
        del self._running[run_id]
        self._person_of.pop(run_id, None)
        self._fill()

    def _background_ended(self, _done: asyncio.Task[None]) -> None:
        self._background_task = None
        self._fill()
