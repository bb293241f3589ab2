"""The engine of one process: the judge's state, the queue, the worker, and what a start finds left over."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

import structlog
from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.clock import Clock
from app.db import Database
from app.engine.curves import Curves
from app.engine.judge import Judge
from app.engine.lab import Lab, Timed
from app.engine.log import Ended, Entry, RunLog, add_events
from app.engine.queue import Queue
from app.engine.worker import Examiner, Worker
from app.errors import RunFinished, TooMany, Unavailable
from app.metrics import Metrics
from app.models import Run
from sandbox import Limits

SWEEP_S = 10.0
WAITING = frozenset({"queued", "running"})
STOPPED_UNDER_IT = "The server stopped under this run. Nothing was counted. Run it again."
SEE_WHY = "Type `overfit doctor` to see what is missing."
LEFT_BEHIND = "The end of this run could not be written down. Nothing was counted. Run it again."

logger = structlog.get_logger(__name__)


class Engine:
    """Takes runs in, has them worked on, lets them be cancelled and followed."""

    def __init__(
        self,
        *,
        db: Database,
        clock: Clock,
        metrics: Metrics,
        limits: Limits,
        slots: int,
        waiting_runs: int,
        sandbox: Examiner | None,
        judge: Judge,
        refuse_levels: frozenset[str] = frozenset(),
    ) -> None:
        self.log = RunLog(db, clock)
        self._judge = judge
        self._db = db
        self._clock = clock
        self._waiting_runs = waiting_runs
        self._refuse_levels = refuse_levels
        self._sandbox = sandbox
        self._queue = Queue(slots=slots)
        self._tasks: list[asyncio.Task[None]] = []
        self._wake = asyncio.Event()  # a run that had to wait may begin
        self._worker: Worker | None = None
        self._curves: Curves | None = None
        self._lab: Lab | None = None
        if sandbox is not None:
            self._worker = Worker(sandbox=sandbox, log=self.log, limits=limits, clock=clock, metrics=metrics)
            self._curves = Curves(db=db, queue=self._queue, sandbox=sandbox, limits=limits)
            self._lab = Lab(queue=self._queue, sandbox=sandbox, limits=limits)
        metrics.waiting.set_function(lambda: self._queue.waiting)
        metrics.running.set_function(lambda: self._queue.running)
        metrics.followers.set_function(self.log.followers)
        metrics.ready.set_function(lambda: self.judge.state == "ready")

    async def start(self) -> None:
        """Settle what an earlier server left, then warm the judge up without waiting for it."""
        await self._settle_what_was_running()
        await self._take_up_what_was_queued()
        self._tasks = [asyncio.create_task(self._sweep())]
        if self._sandbox is not None and self._worker is not None:
            self._tasks.append(asyncio.create_task(self._warm_up(self._sandbox, self._worker)))

    async def close(self) -> None:
        """End what runs as interrupted, keep what is queued for the next start, let followers go."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._queue.hold()
        await self._settle_what_was_running()
        await self._queue.close()
        self.log.close()
        if self._sandbox is not None:
            await self._sandbox.close()

    @property
    def judge(self) -> Judge:
        """Whether runs are judged just now: a sandbox that was warm may be starting again, or be gone."""
        if self._judge.state != "ready" or self._sandbox is None or self._sandbox.ready:
            return self._judge
        if self._sandbox.failure:
            return _failed(self._sandbox.failure)
        return Judge("warming", self._judge.level)

    def require_judge(self) -> None:
        """Raises Unavailable when no run could ever be judged as things stand."""
        judge = self.judge
        if judge.state in ("off", "failed"):
            raise Unavailable(judge.message, hint=judge.hint)

    async def queue_run(self, session: AsyncSession, run: Run) -> None:
        """Write a new run down as queued, in the caller's transaction; call `push` after its commit.

        Raises:
            TooMany: the person has as many runs waiting as one may have.
        """
        mine = select(func.count()).where(Run.user_id == run.user_id, Run.state == "queued")
        if (await session.scalar(mine) or 0) >= self._waiting_runs:
            raise TooMany(
                f"{self._waiting_runs} of your runs are waiting already.",
                hint="Wait for one to finish, or stop one.",
            )
        session.add(run)
        await session.flush()
        await add_events(session, run.id, [Entry("status", {"state": "queued"})], now=self._clock.now())

    def push(self, run_id: str, *, user_id: str, after_s: float = 0) -> None:
        """Put a queued run in line, or have it wait first as in a slow environment."""
        if after_s > 0:
            asyncio.get_running_loop().call_later(after_s, self._wake.set)
        else:
            self._queue.push(run_id, user_id=user_id)

    def position(self, run_id: str) -> int | None:
        """Where in line a run is, from 1; None when it doesn't wait."""
        return self._queue.position(run_id)

    async def cancel(self, run_id: str) -> None:
        """End a run as cancelled, and stop its work.

        Raises:
            RunFinished: it had ended before.
        """
        ended = await self.log.end_unless_ended(run_id, Ended(state="cancelled", message="Stopped by you."))
        if not ended:
            raise RunFinished("This run has ended already.", hint="There is nothing left to stop.")
        self._queue.cancel(run_id)

    async def abandon(self, run_id: str) -> None:
        """Stop a run that is about to be deleted; that it had ended already is as good."""
        with contextlib.suppress(RunFinished):
            await self.cancel(run_id)

    async def want_curve(self, *, problem: str, contract: str, shape: str, sentence: str) -> None:
        """Have the clean shape's curve on a sentence measured when nobody waits."""
        if self._curves is not None and self.judge.state != "failed":
            await self._curves.want(problem=problem, contract=contract, shape=shape, sentence=sentence)

    async def time_tokens(self, programs: Mapping[str, Timed], *, user_id: str) -> list[dict[str, Any]]:
        """How long programs take for a token, by the length of the context: as `sandbox/lab.py` says it.

        Raises:
            Unavailable: judging is off, or nothing was measured in time.
            Conflict: this person has a measurement under way.
        """
        self.require_judge()
        if self._lab is None or self.judge.state != "ready":
            raise Unavailable("The judge is warming up.", hint="Measure in some seconds.")
        return await self._lab.measure(programs, user_id=user_id)

    async def _warm_up(self, sandbox: Examiner, worker: Worker) -> None:
        try:
            await sandbox.start()
            if sandbox.level in self._refuse_levels:
                self._judge = _too_weak(sandbox.level)
                return
            await sandbox.warm()
        except Exception as error:
            logger.error("the sandbox did not start", reason=str(error))
            self._judge = _failed(str(error))
            return
        self._judge = Judge("ready", sandbox.level)
        self._queue.open(worker.execute)

    async def _settle_what_was_running(self) -> None:
        for run_id, _user_id in await self._runs("running"):
            await self.log.end_unless_ended(run_id, Ended(state="interrupted", message=STOPPED_UNDER_IT))

    async def _take_up_what_was_queued(self) -> None:
        for run_id, user_id in await self._runs("queued"):
            self._queue.push(run_id, user_id=user_id)

    async def _runs(self, state: str) -> list[tuple[str, str]]:
        """Those in a state; of queued ones, those whose time has come."""
        found = select(Run.id, Run.user_id).where(Run.state == state).order_by(Run.created_at, Run.number)
        found = found.where(or_(Run.ready_at.is_(None), Run.ready_at <= self._clock.now()))
        async with self._db.read() as session:
            return [(run_id, user_id) for run_id, user_id in await session.execute(found)]

    async def _sweep(self) -> None:
        """Mend what a full disk left half done: runs that no task works on, and runs that are not in line."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), SWEEP_S)
            self._wake.clear()
            with contextlib.suppress(Exception):
                for run_id, _user_id in await self._runs("running"):
                    if not self._queue.works_on(run_id):
                        await self.log.end_unless_ended(run_id, Ended(state="error", message=LEFT_BEHIND))
                await self._take_up_what_was_queued()


def _failed(reason: str) -> Judge:
    return Judge("failed", None, f"Judging could not be started: {reason}", SEE_WHY)


def _too_weak(level: str) -> Judge:
    message = f"This machine isolates runs by {level} only: that is served on loopback alone."
    return Judge("failed", level, message, SEE_WHY)
