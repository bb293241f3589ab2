"""The pause of a practice attempt: its deadlines are taken away, and come back as far off as they were."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access import Seat
from app.attempts import service
from app.attempts.views import AttemptView
from app.errors import Conflict, Forbidden, StageClosed
from app.models import Attempt, Stage
from app.web.parts import Parts


async def pause(parts: Parts, seat: Seat) -> AttemptView:
    """Stop the clock; said twice it counts once.

    Raises:
        Forbidden: only practice has a pause.
        Conflict: this attempt has no clock.
        StageClosed: it is over.
    """
    seat.require_candidate()
    if seat.mode != "practice":
        raise Forbidden("The clock stops in practice alone.", hint="In the real round it never does.")
    now = parts.clock.now()
    async with parts.db.write() as session:
        attempt, stage = await _open(session, seat)
        if "pause" not in attempt.options:
            if stage.deadline_at is None:
                raise Conflict("There is no clock to stop.", hint="Take all the time that you want.")
            left = {"stage": stage.deadline_at - now, "hour": _left(attempt.deadline_at, now)}
            attempt.options = {**attempt.options, "pause": {"at": now, **left}}
            stage.deadline_at = attempt.deadline_at = None
    return await service.read(parts, seat)


async def go_on(parts: Parts, seat: Seat) -> AttemptView:
    """Let the clock run again, with what was left."""
    seat.require_candidate()
    now = parts.clock.now()
    async with parts.db.write() as session:
        attempt, stage = await _open(session, seat)
        options: dict[str, Any] = dict(attempt.options)
        paused = options.pop("pause", None)
        if paused is not None:
            stage.deadline_at = now + paused["stage"]
            attempt.deadline_at = None if paused["hour"] is None else now + paused["hour"]
            options["paused_ms"] = options.get("paused_ms", 0) + now - paused["at"]
            attempt.options = options
    return await service.read(parts, seat)


async def _open(session: AsyncSession, seat: Seat) -> tuple[Attempt, Stage]:
    attempt = await session.get_one(Attempt, seat.attempt_id)
    found = select(Stage).where(Stage.attempt_id == attempt.id, Stage.finished_at.is_(None))
    stage = (await session.scalars(found)).first()
    if attempt.state != "open" or stage is None:
        raise StageClosed("This is over.", hint="Its review tells all.")
    return attempt, stage


def _left(deadline_at: int | None, now: int) -> int | None:
    return None if deadline_at is None else deadline_at - now
