"""What a route asks for by type: the parts, who asks, and the seat that they hold."""

from __future__ import annotations

from typing import Annotated, Protocol

from fastapi import Depends, Path, Request
from sqlalchemy.ext.asyncio import AsyncSession

from app.access import Seat, seat_at_run, seat_at_stage, seat_in_attempt
from app.clock import Clock
from app.db import Database
from app.deadlines import settle
from app.engine.engine import Engine
from app.identity import Visitor
from app.web.parts import Parts, parts_of


class Find(Protocol):
    async def __call__(self, session: AsyncSession, id_: str, /, *, user_id: str) -> Seat: ...


Everything = Annotated[Parts, Depends(parts_of)]
Id = Annotated[str, Path(min_length=1, max_length=22, pattern=r"^[A-Za-z0-9_-]+$")]


def _db(parts: Everything) -> Database:
    return parts.db


def _engine(parts: Everything) -> Engine:
    return parts.engine


def _clock(parts: Everything) -> Clock:
    return parts.clock


def _visitor(request: Request) -> Visitor:
    visitor: Visitor = request.state.visitor
    return visitor


Db = Annotated[Database, Depends(_db)]
TheEngine = Annotated[Engine, Depends(_engine)]
TheClock = Annotated[Clock, Depends(_clock)]
CurrentUser = Annotated[Visitor, Depends(_visitor)]


async def _settled(db: Db, clock: TheClock, user: CurrentUser) -> Visitor:
    """Who asks, after the deadlines that have passed meanwhile had their effect."""
    await settle(db, user_id=user.user_id, now=clock.now())
    return user


Settled = Annotated[Visitor, Depends(_settled)]


async def _seat(db: Database, clock: Clock, user: Visitor, find: Find, id_: str) -> Seat:
    """The seat, after a deadline that has passed meanwhile had its effect."""
    async with db.read() as session:
        seat = await find(session, id_, user_id=user.user_id)
    if not seat.is_due(clock.now()):
        return seat
    await settle(db, user_id=user.user_id, now=clock.now())
    async with db.read() as session:
        return await find(session, id_, user_id=user.user_id)


async def _owned_attempt(attempt_id: Id, db: Db, clock: TheClock, user: CurrentUser) -> Seat:
    return await _seat(db, clock, user, seat_in_attempt, attempt_id)


async def _owned_stage(stage_id: Id, db: Db, clock: TheClock, user: CurrentUser) -> Seat:
    return await _seat(db, clock, user, seat_at_stage, stage_id)


async def _owned_run(run_id: Id, db: Db, clock: TheClock, user: CurrentUser) -> Seat:
    return await _seat(db, clock, user, seat_at_run, run_id)


OwnedAttempt = Annotated[Seat, Depends(_owned_attempt)]
OwnedStage = Annotated[Seat, Depends(_owned_stage)]
OwnedRun = Annotated[Seat, Depends(_owned_run)]
