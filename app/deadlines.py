"""Deadlines, evaluated when somebody looks: nobody need be connected when one passes."""

from __future__ import annotations

from sqlalchemy import select, update

from app.db import Database
from app.models import Attempt, Member, Stage

GRACE_MS = 15_000  # what was typed before the end may arrive this much later
KEPT = 8 / 60  # the share of the time that is kept for a last, verifying run


def kept_ms(minutes: int | None) -> int:
    """How long the end of an attempt is kept for verifying: whole minutes, none without a clock."""
    return 0 if minutes is None else max(1, round(minutes * KEPT)) * 60_000


async def settle(db: Database, *, user_id: str, now: int) -> None:
    """Close the stages of a person whose time is over, as of their deadline, and attempts with them."""
    due = (
        select(Stage.id, Stage.attempt_id, Stage.deadline_at)
        .join(Member, Member.attempt_id == Stage.attempt_id)
        .where(Member.user_id == user_id, Stage.finished_at.is_(None), Stage.deadline_at <= now)
    )
    async with db.read() as session:
        if (await session.execute(due)).first() is None:
            return
    async with db.write() as session:
        for stage_id, attempt_id, deadline_at in (await session.execute(due)).all():
            await session.execute(update(Stage).where(Stage.id == stage_id).values(finished_at=deadline_at))
            still_open = select(Stage.id).where(Stage.attempt_id == attempt_id, Stage.finished_at.is_(None))
            if await session.scalar(still_open) is None:
                await session.execute(
                    update(Attempt)
                    .where(Attempt.id == attempt_id, Attempt.state == "open")
                    .values(state="expired", finished_at=deadline_at)
                )
