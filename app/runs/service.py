"""Runs: asked for, read, cancelled, followed."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access import Seat
from app.deadlines import require_running
from app.engine.blobs import keep
from app.engine.log import Numbered
from app.errors import BadInput, StageClosed, TooLarge, UnusableSource
from app.manner import Manner
from app.models import Attempt, Run, Stage, new_id
from app.sight import RunSummary, run_summary, visible_event
from app.web.parts import Parts
from app.web.sse import ServerEvent

LOOK_AT_PLACE_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """A run that was taken in."""

    id: str
    number: int
    state: str
    position: int | None
    left: int | None  # runs of the budget after this one, below zero where it is spent; None: nobody counts
    url: str
    events: str


@dataclass(frozen=True, slots=True)
class RunView(RunSummary):
    """A run with the address of its events."""

    events_url: str


async def submit(
    parts: Parts, seat: Seat, *, code: str, kind: Literal["run", "check"], draft_seq: int | None = None
) -> Submitted:
    """Take a source in and put it in line.

    Raises:
        TooLarge, UnusableSource: the source can't be taken.
        StageClosed: the stage is over.
        TooMany: too many of this person's runs wait.
        Unavailable: judging is off.
    """
    seat.require_candidate()
    check_source(code, source_kb=parts.settings.source_kb)
    parts.engine.require_judge()
    async with parts.db.write() as session:
        stage = await session.get_one(Stage, seat.stage)
        if stage.finished_at is not None:
            raise StageClosed("This stage is over.", hint="Start another round to run more.")
        attempt = await session.get_one(Attempt, seat.attempt_id)
        require_running(attempt, then="run the file")
        manner = Manner.from_json(attempt.options)
        wait_s, now = parts.settings.slow_seconds if manner.slow else 0.0, parts.clock.now()
        run = Run(
            id=new_id(),
            stage_id=stage.id,
            user_id=seat.user_id,
            number=await _next_number(session, stage.id),
            kind=kind,
            code=await keep(session, code),
            draft_seq=stage.draft_seq if draft_seq is None else draft_seq,
            try_no=0,
            state="queued",
            created_at=now,
            ready_at=now + round(1000 * wait_s) if wait_s else None,
        )
        await parts.engine.queue_run(session, run)
    parts.engine.push(run.id, user_id=seat.user_id, after_s=wait_s)
    return Submitted(
        id=run.id,
        number=run.number,
        state=run.state,
        position=parts.engine.position(run.id),
        left=None if manner.budget is None else manner.budget - run.number,
        url=f"/api/runs/{run.id}",
        events=f"/api/runs/{run.id}/events",
    )


def check_source(code: str, *, source_kb: int) -> None:
    """Raises TooLarge or UnusableSource for what could not be run."""
    try:
        size = len(code.encode())
    except UnicodeEncodeError:
        raise UnusableSource(
            "The source holds half a character (a lone surrogate).", hint="Take it out, or paste again."
        ) from None
    if size > source_kb << 10:
        raise TooLarge(
            f"The source has {size / 1024:.0f} KiB; {source_kb} KiB is the most that is taken.",
            hint="The starter has under 10 KiB: look for text that was pasted by mistake.",
        )
    if "\0" in code:
        line = code.count("\n", 0, code.index("\0")) + 1
        raise UnusableSource(f"There is a NUL byte in line {line}.", hint="Delete it: Python refuses it.")
    if not code.strip():
        raise UnusableSource("The file is empty.", hint="Reset to the starter, or paste a program.")


async def read(parts: Parts, seat: Seat) -> RunView:
    """A run as it stands."""
    async with parts.db.read() as session:
        run = await session.get_one(Run, seat.run)
        summary = run_summary(run, seat.sight, slots=await slots_of(session, run.stage_id))
    fields = {field.name: getattr(summary, field.name) for field in dataclasses.fields(summary)}
    return RunView(**fields, events_url=f"/api/runs/{run.id}/events")


async def cancel(parts: Parts, seat: Seat) -> RunView:
    """Stop a run. Raises RunFinished when it had ended already."""
    seat.require_candidate()
    await parts.engine.cancel(seat.run)
    return await read(parts, seat)


async def events(parts: Parts, seat: Seat, *, after: int) -> AsyncIterator[ServerEvent]:
    """A run's events after a number, those that the follower may see, until its end."""
    async with parts.db.read() as session:
        run = await session.get_one(Run, seat.run)
        slots = await slots_of(session, run.stage_id)
    seen = seat.sight
    async with aclosing(parts.engine.log.follow(seat.run, after=after)) as numbered:
        async for event in _with_places(numbered, lambda: parts.engine.position(seat.run)):
            if isinstance(event, int):
                yield ServerEvent("status", {"state": "queued", "position": event})
                continue
            data = visible_event(event.kind, event.audience, event.data, seen, slots=slots)
            if data is not None:
                yield ServerEvent(event.kind, data, id=event.seq)


async def _with_places(
    numbered: AsyncGenerator[Numbered, None], place: Callable[[], int | None]
) -> AsyncIterator[Numbered | int]:
    """Events, and between them the run's place in line whenever it has changed."""
    coming: asyncio.Future[Numbered] | None = None
    told: int | None = None
    try:
        while True:
            now = place()
            if now is not None and now != told:
                yield now
            told = now
            coming = coming or asyncio.ensure_future(anext(numbered))
            done, _ = await asyncio.wait((coming,), timeout=None if now is None else LOOK_AT_PLACE_S)
            if done:
                event, coming = coming, None
                yield event.result()
    except StopAsyncIteration:
        return
    finally:
        if coming is not None:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)


def place_after(last_event_id: str | None, after: int) -> int:
    """Where a follower goes on: Last-Event-ID speaks before the query.

    Raises:
        BadInput: the header is not a number.
    """
    if not last_event_id:
        return after
    if not last_event_id.isdecimal() or len(last_event_id) > 15:
        raise BadInput("Last-Event-ID must be a number that came with an event.", hint="Leave it out.")
    return int(last_event_id)


async def slots_of(session: AsyncSession, stage_id: str) -> list[str]:
    """The bug ids of a stage in slot order: for filters, never for people."""
    variant: dict[str, Any] = (await session.scalars(select(Stage.variant).where(Stage.id == stage_id))).one()
    bugs: list[str] = variant["bugs"]
    return bugs


async def _next_number(session: AsyncSession, stage_id: str) -> int:
    found = select(func.max(Run.number)).where(Run.stage_id == stage_id)
    return (await session.scalar(found) or 0) + 1
