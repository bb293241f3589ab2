"""The truth about runs: their states and numbered events in SQL, fenced by try, read by any who follow.

Every write of a try says `WHERE id AND try_no AND state = 'running'`; where that finds no row the run was
cancelled, interrupted or started again meanwhile, and the write raises `Superseded` and leaves nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.clock import Clock
from app.db import Database
from app.engine.wake import Wake
from app.models import Run, RunEvent

REREAD_S = 5.0  # a lost wake-up costs this long, never an event
PAGE = 500  # events read at once
ENDED = frozenset({"done", "cancelled", "interrupted", "error"})


class Superseded(Exception):
    """The run is no longer this try's: stop the work and write nothing."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One event to be appended; `audience` says who may read it."""

    kind: str
    data: dict[str, Any]
    audience: str = "all"


@dataclass(frozen=True, slots=True)
class Numbered:
    """One event as it stands in the log."""

    seq: int
    at_ms: int
    kind: str
    audience: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a run ended: what its row says from then on."""

    state: str
    message: str | None = None
    verdict: dict[str, Any] | None = None
    losses: tuple[float, ...] | None = None


class RunLog:
    """Starts, appends, ends and follows runs."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self.db = db
        self._clock = clock
        self._wake = Wake()
        self._closing = asyncio.Event()

    async def start(self, run_id: str) -> int | None:
        """Claim a queued run and return its try's number; None when it is not queued any more."""
        async with self.db.write() as session:
            try_no = await session.scalar(
                update(Run)
                .where(Run.id == run_id, Run.state == "queued")
                .values(state="running", started_at=self._clock.now(), try_no=Run.try_no + 1)
                .returning(Run.try_no)
            )
            if try_no is not None:
                await self._add(session, run_id, [Entry("status", {"state": "running", "phase": "starting"})])
        self._wake.call(run_id)
        return try_no

    async def start_again(self, run_id: str, try_no: int) -> int:
        """Begin the next try of a run whose worker was lost; events of the lost one stay before it."""
        async with self.db.write() as session:
            await self._fence(session, run_id, try_no, values={"try_no": try_no + 1, "verdict": None})
            again = Entry("status", {"state": "running", "phase": "starting", "again": True})
            await self._add(session, run_id, [again])
        self._wake.call(run_id)
        return try_no + 1

    async def append(
        self, run_id: str, try_no: int, entries: Sequence[Entry], *, verdict: dict[str, Any] | None = None
    ) -> None:
        """Add events in one transaction, and keep a verdict of which some of them tell.

        Raises:
            Superseded: the run is not this try's any more.
        """
        async with self.db.write() as session:
            kept = {} if verdict is None else {"verdict": verdict}
            await self._fence(session, run_id, try_no, values={"try_no": try_no, **kept})
            await self._add(session, run_id, entries)
        self._wake.call(run_id)

    async def finish(self, run_id: str, try_no: int, ended: Ended) -> None:
        """End a run: verdict, state and the last events together.

        Raises:
            Superseded: the run is not this try's any more.
        """
        async with self.db.write() as session:
            await self._fence(session, run_id, try_no, values=_columns(ended, now=self._clock.now()))
            await self._add(session, run_id, _last_entries(ended))
        self._wake.call(run_id)

    async def end_unless_ended(self, run_id: str, ended: Ended) -> bool:
        """End a run from outside its try (cancelled, interrupted); False when it had ended already."""
        async with self.db.write() as session:
            found = await session.scalar(
                update(Run)
                .where(Run.id == run_id, Run.state.in_(("queued", "running")))
                .values(**_columns(ended, now=self._clock.now()))
                .returning(Run.id)
            )
            if found is not None:
                await self._add(session, run_id, _last_entries(ended))
        self._wake.call(run_id)
        return found is not None

    async def follow(self, run_id: str, *, after: int = 0) -> AsyncGenerator[Numbered, None]:
        """Replay events after a number, then give new ones as they come; ends after `end` or at `close`."""
        ended = False
        with self._wake.listen(run_id) as woken:
            while not self._closing.is_set():
                woken.clear()
                page = await self.read(run_id, after=after)
                for event in page:
                    yield event
                    after = event.seq
                    if event.kind == "end":
                        return
                if len(page) == PAGE:
                    continue
                if not page:
                    if ended:
                        return
                    ended = await self._has_ended(run_id)
                    if ended:  # its last events may have come after the page was read: read once more
                        continue
                await _wait(woken, seconds=REREAD_S)

    async def read(self, run_id: str, *, after: int = 0, limit: int = PAGE) -> list[Numbered]:
        """Events after a number, oldest first."""
        columns = (RunEvent.seq, RunEvent.at_ms, RunEvent.kind, RunEvent.audience, RunEvent.data)
        found = select(*columns).where(RunEvent.run_id == run_id, RunEvent.seq > after)
        async with self.db.read() as session:
            rows = await session.execute(found.order_by(RunEvent.seq).limit(limit))
            return [Numbered(*row) for row in rows]

    def followers(self) -> int:
        """How many follow a run just now."""
        return self._wake.count()

    def close(self) -> None:
        """Let every follower go, so that a server that stops is not held up by open streams."""
        self._closing.set()
        self._wake.call_all()

    async def _has_ended(self, run_id: str) -> bool:
        async with self.db.read() as session:
            state = await session.scalar(select(Run.state).where(Run.id == run_id))
        return state is None or state in ENDED

    async def _fence(
        self, session: AsyncSession, run_id: str, try_no: int, *, values: dict[str, Any]
    ) -> None:
        mine = update(Run).where(Run.id == run_id, Run.try_no == try_no, Run.state == "running")
        if await session.scalar(mine.values(**values).returning(Run.id)) is None:
            raise Superseded(run_id)

    async def _add(self, session: AsyncSession, run_id: str, entries: Sequence[Entry]) -> None:
        await add_events(session, run_id, entries, now=self._clock.now())


async def add_events(session: AsyncSession, run_id: str, entries: Sequence[Entry], *, now: int) -> None:
    """Number events after the run's last and insert them; the caller holds the writing transaction."""
    if not entries:
        return
    last = await session.scalar(select(func.max(RunEvent.seq)).where(RunEvent.run_id == run_id)) or 0
    await session.execute(
        insert(RunEvent),
        [
            {
                "run_id": run_id,
                "seq": last + number,
                "at_ms": now,
                "kind": entry.kind,
                "audience": entry.audience,
                "data": entry.data,
            }
            for number, entry in enumerate(entries, start=1)
        ],
    )


def _columns(ended: Ended, *, now: int) -> dict[str, Any]:
    losses = None if ended.losses is None else list(ended.losses)
    return {
        "state": ended.state,
        "message": ended.message,
        "verdict": ended.verdict,
        "losses": losses,
        "finished_at": now,
    }


def _last_entries(ended: Ended) -> list[Entry]:
    end = Entry("end", {"state": ended.state, "message": ended.message})
    return [end] if ended.verdict is None else [Entry("verdict", ended.verdict, audience="judged"), end]


async def _wait(event: asyncio.Event, *, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
