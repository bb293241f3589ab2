"""Deadlines, evaluated when somebody looks: nobody need be connected when one passes."""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import Database
from app.errors import StageClosed
from app.models import Attempt, Member, Stage

GRACE_MS = 15_000  # what was typed before the end may arrive this much later
KEPT = 8 / 60  # the share of the time that is kept for a last, verifying run
MINUTE_MS = 60_000


def kept_ms(minutes: int | None) -> int:
    """How long the end of an attempt is kept for verifying: whole minutes, none without a clock."""
    return 0 if minutes is None else max(1, round(minutes * KEPT)) * MINUTE_MS


def require_running(attempt: Attempt, *, then: str) -> None:
    """Raises StageClosed while the clock of a practice attempt stands: nothing goes on meanwhile."""
    if "pause" in attempt.options:
        raise StageClosed("The clock stands still.", hint=f"Let it run again, then {then}.")


async def settle(db: Database, *, user_id: str, now: int) -> None:
    """Close the stages of a person whose time is over, as of their deadline, and attempts with them.

    A gate has less time than its hour: when it is over the attempt stays open for what follows.
    """
    stages = (
        select(Stage.id, Stage.attempt_id, Stage.deadline_at)
        .join(Member, Member.attempt_id == Stage.attempt_id)
        .where(Member.user_id == user_id, Stage.finished_at.is_(None), Stage.deadline_at <= now)
    )
    hours = (
        select(Attempt.id, Attempt.deadline_at)
        .join(Member, Member.attempt_id == Attempt.id)
        .where(Member.user_id == user_id, Attempt.state == "open", Attempt.deadline_at <= now)
    )
    async with db.read() as session:
        if (await session.execute(stages)).first() is None and (await session.execute(hours)).first() is None:
            return
    async with db.write() as session:
        for stage_id, attempt_id, deadline_at in (await session.execute(stages)).all():
            await session.execute(update(Stage).where(Stage.id == stage_id).values(finished_at=deadline_at))
            await _expire_without_hour(session, attempt_id, deadline_at=deadline_at)
        for attempt_id, deadline_at in (await session.execute(hours)).all():
            unfinished = (Stage.attempt_id == attempt_id, Stage.finished_at.is_(None))
            await session.execute(update(Stage).where(*unfinished).values(finished_at=deadline_at))
            await _expire(session, attempt_id, deadline_at=deadline_at)


async def _expire_without_hour(session: AsyncSession, attempt_id: str, *, deadline_at: int | None) -> None:
    """Attempts of before there were hours end with their last stage."""
    open_stage = select(Stage.id).where(Stage.attempt_id == attempt_id, Stage.finished_at.is_(None)).limit(1)
    no_hour = select(Attempt.id).where(Attempt.id == attempt_id, Attempt.deadline_at.is_(None))
    if await session.scalar(open_stage) is None and await session.scalar(no_hour) is not None:
        await _expire(session, attempt_id, deadline_at=deadline_at)


async def _expire(session: AsyncSession, attempt_id: str, *, deadline_at: int | None) -> None:
    still_open = (Attempt.id == attempt_id, Attempt.state == "open")
    await session.execute(update(Attempt).where(*still_open).values(state="expired", finished_at=deadline_at))
