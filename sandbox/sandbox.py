"""The app's handle on the sandbox: keeps one zygote warm, gives each job a slot and a supervisor.

Everything here is asyncio in the app's own process: no torch, nothing that blocks.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

from sandbox.compiled import compiled
from sandbox.exchange import Exchange, ZygoteGone
from sandbox.host import LAYERS, LEVELS, Host
from sandbox.job import Event, Job, Outcome
from sandbox.keeper import Keeper, Unavailable, find_runtime
from sandbox.runtime import Runtime

_PATIENCE = 3  # deaths in a row before it was warm, until we stop trying


class Sandbox:
    """A warm torch behind walls. `slots` jobs run at once, 0 for one a processor; the others wait their turn.

    `python` is an interpreter with torch, ours by default. `pooled` has it keep single-use processes ready
    instead of forking them, as it must where torch can't be forked: on everything but Linux. `probes` are
    programs that jobs will bring: compiled now, while nobody waits for the event loop. The others are for
    tests: `start_level` keeps it from trying for better than that level, `without` leaves layers out,
    `started_by` is a command that starts the launcher as somebody else.
    """

    def __init__(
        self,
        *,
        slots: int = 0,
        python: Path | None = None,
        start_level: str | None = None,
        pooled: bool = sys.platform != "linux",
        probes: Iterable[str] = (),
        without: tuple[str, ...] = (),
        started_by: tuple[str, ...] = (),
    ) -> None:
        if start_level is not None and start_level not in LEVELS:
            raise ValueError(f"start_level is {start_level!r}; it is one of {', '.join(LEVELS)}")
        if strange := set(without) - set(LAYERS):
            raise ValueError(f"without {', '.join(strange)}; the layers are {', '.join(LAYERS)}")
        for text in probes:
            compiled(text)
        self._slots = asyncio.Semaphore(slots or best_slots())
        self._running = 0
        self._python = python
        self._ceiling = LEVELS[-1] if pooled else start_level or LEVELS[0]
        self._then = "pool" if pooled else "zygote"
        self._without, self._started_by = without, started_by
        self._keeper: Keeper | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._host: Host | None = None
        self._torch = ""
        self._reason = ""  # of the last death
        self._failure = ""  # why we have stopped trying
        self._closing = False
        self._changed = asyncio.Condition()

    async def start(self) -> None:
        """Starts the zygote and waits for its self-test, not for torch. Raises Unavailable."""
        if self._keeping is None:
            self._keeping = asyncio.create_task(self._keep_warm())
        await self._until(lambda: self._host is not None)

    @property
    def host(self) -> Host:
        """What the self-test found. Raises RuntimeError before `start`."""
        if self._host is None:
            raise RuntimeError("the sandbox hasn't been started")
        return self._host

    @property
    def level(self) -> str:
        """`namespaces`, `landlock` or `rlimits`. Raises RuntimeError before `start`."""
        return self.host.level

    @property
    def ready(self) -> bool:
        """Whether a job would start at once, but for the others in the queue."""
        return self._keeper is not None and self._keeper.warm

    @property
    def failure(self) -> str:
        """Why there will be no sandbox, '' while there is or may be one."""
        return self._failure

    @property
    def torch(self) -> str:
        """The version that is loaded, '' until it is."""
        return self._torch

    async def warm(self) -> None:
        """Waits until it is ready. Raises Unavailable."""
        await self.start()
        await self._until(lambda: self.ready)

    async def examine(self, job: Job, *, emit: Callable[[Event], Awaitable[None]]) -> Outcome:
        """Runs and judges one submission; events come while it runs, the outcome when nothing of it lives.

        Cancelling the task kills every process of the run first. Raises ValueError for a job that is no job.
        """
        exchange = Exchange(job)
        async with self._slots:
            self._running += 1
            in_turn = 2 * self._running > best_slots()  # two processors for each run there are not
            try:
                return await self._run(exchange, emit=emit, in_turn=in_turn)
            finally:
                self._running -= 1

    async def _run(
        self, exchange: Exchange, *, emit: Callable[[Event], Awaitable[None]], in_turn: bool
    ) -> Outcome:
        while True:
            try:
                await self.warm()
            except Unavailable as error:
                return Outcome(verdict=None, level=self._level_or_none(), fault=str(error))
            keeper = self._keeper
            assert keeper is not None
            try:
                return await exchange.run(keeper, level=self.level, emit=emit, in_turn=in_turn)
            except ZygoteGone:
                await keeper.wait()  # dead, and not noticed yet; the next one takes the job

    async def close(self) -> None:
        """Ends the zygote and everything under it."""
        self._closing = True
        if self._keeper is not None:
            await self._keeper.close()
        if self._keeping is not None:
            await self._keeping

    def _level_or_none(self) -> str:
        return self._host.level if self._host else LEVELS[-1]

    async def _keep_warm(self) -> None:
        """Starts a zygote whenever there is none, and gives up when one after the other dies cold."""
        try:
            if sys.platform not in ("linux", "darwin"):
                raise Unavailable("The jail is made of Linux. Run Overfit in Docker: docker compose up.")
            runtime = await find_runtime(self._python)
            cold_deaths = 0
            while not self._closing and cold_deaths < _PATIENCE:
                cold_deaths = 0 if await self._live_through(runtime) else cold_deaths + 1
                await asyncio.sleep(0.1 * cold_deaths)
        except (Unavailable, OSError) as error:
            self._reason = str(error)
        self._failure = self._reason or "the sandbox was closed"
        await self._notify()

    async def _live_through(self, runtime: Runtime) -> bool:
        """One zygote's life from start to end; whether it ever was warm."""
        keeper = self._keeper = await Keeper.start(
            runtime,
            ceiling=self._ceiling,
            then=self._then,
            without=self._without,
            started_by=self._started_by,
        )
        try:
            if self._closing:  # closed while it was being started
                await keeper.close()
            self._host = await keeper.host
            await self._notify()
            self._torch = await keeper.torch
            await self._notify()
        except Unavailable as error:
            self._reason = str(error)
            return False
        finally:
            await keeper.wait()
            await keeper.close()
        return True

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: condition() or bool(self._failure))
        if not condition():
            raise Unavailable(self._failure)

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()


def best_slots() -> int:
    """A run for each processor that this process may use; one where each takes the processes of a pool."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else 1
