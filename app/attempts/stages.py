"""From one stage to the next: "I am done", and what an interviewer opens then."""

from __future__ import annotations

import asyncio
import random

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.access import Seat, seat_in_attempt
from app.attempts import service
from app.attempts.opening import GATE, Debugged, Opening, of_follow_up_after, of_gate
from app.attempts.plan import deadline_of, next_kind
from app.attempts.views import AttemptView
from app.catalog import Catalog
from app.deadlines import require_running
from app.engine.blobs import give, given_to, keep, sha256
from app.errors import StageClosed
from app.models import Attempt, Run, Stage
from app.web.parts import Parts


async def done(parts: Parts, seat: Seat) -> AttemptView:
    """Close a stage and open the next, or end the attempt where none is left; said twice it counts once.

    Raises:
        StageClosed: the whole attempt is over, or its clock stands.
    """
    seat.require_candidate()
    now = parts.clock.now()
    async with parts.db.read() as session:
        attempt = await session.get_one(Attempt, seat.attempt_id)
        opened = await _opened(session, attempt.id)
        if opened[-1].id != seat.stage:
            return await service.read(parts, await _anew(parts, seat))
        if attempt.state != "open":
            raise StageClosed("This attempt is over.", hint="Its review tells all.")
        require_running(attempt, then="go on")
        kind = next_kind(attempt, opened=len(opened), now=now)
        debugged = None if kind in (None, GATE) else await _debugged(session, opened[0])
    if kind is None:
        return await service.finish(parts, seat)
    opening = await asyncio.to_thread(_open, parts.catalog, attempt, kind, debugged)
    async with parts.db.write() as session:
        await _follow(session, seat.attempt_id, opening, after=seat.stage, now=now)
    return await service.read(parts, await _anew(parts, seat))


async def _follow(session: AsyncSession, attempt_id: str, opening: Opening, *, after: str, now: int) -> None:
    """Put the stage after the last one, unless another tab did so already."""
    opened = await _opened(session, attempt_id)
    attempt = await session.get_one(Attempt, attempt_id)
    if opened[-1].id != after or attempt.state != "open":
        return
    require_running(attempt, then="go on")  # another tab may have stopped it meanwhile
    still_open = (Stage.id == after, Stage.finished_at.is_(None))
    await session.execute(update(Stage).where(*still_open).values(finished_at=now))
    ends = deadline_of(
        opening.kind,
        now=now,
        hour_ends=attempt.deadline_at,
        minutes=attempt.options.get("minutes"),
        alone=False,
    )
    await keep(session, opening.texts["starter"])
    stage = opening.stage(attempt_id=attempt_id, position=len(opened), now=now, deadline_at=ends)
    session.add(stage)
    await session.flush()
    await give(session, stage.id, opening.texts)


async def _opened(session: AsyncSession, attempt_id: str) -> list[Stage]:
    found = select(Stage).where(Stage.attempt_id == attempt_id).order_by(Stage.position)
    return list(await session.scalars(found))


async def _debugged(session: AsyncSession, stage: Stage) -> Debugged | None:
    """The program of the debug stage, and whether a run showed that it holds."""
    given = await given_to(session, stage.id, "sentence", "shape")
    if stage.kind != "debug" or not given["shape"]:
        return None
    passed = select(Run.id).where(
        Run.stage_id == stage.id,
        Run.code == sha256(stage.draft),
        Run.verdict["outcome"].as_string() == "passed",
    )
    return Debugged(
        problem=stage.problem,
        text=stage.draft,
        holds=await session.scalar(passed.limit(1)) is not None,
        sentence=given["sentence"],
        shape=stage.variant["shape"],
        clean=given["shape"],
    )


def _open(catalog: Catalog, attempt: Attempt, kind: str, debugged: Debugged | None) -> Opening:
    seed = random.Random(f"{kind}/{attempt.variant['seed']}").randrange(service.SEEDS)
    if kind == GATE:
        return of_gate(seed=seed)
    return of_follow_up_after(catalog.problem(kind), debugged, seed=seed)


async def _anew(parts: Parts, seat: Seat) -> Seat:
    async with parts.db.read() as session:
        return await seat_in_attempt(session, seat.attempt_id, user_id=seat.user_id)
