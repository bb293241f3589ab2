"""The history of a person: their attempts, found again."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, and_, case, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.history.filters import JUDGED, LIED, PASSED, Filters, LastJudged, cursor
from app.history.rows import History, HistoryRow, Totals, row
from app.models import Attempt, Member, Run, Stage
from app.sight import sight
from app.web.parts import Parts

RUNS = select(func.count()).where(Run.stage_id == Stage.id).correlate(Stage).scalar_subquery()
LOSSES = (
    select(Run.losses)
    .where(Run.stage_id == Stage.id, Run.losses.is_not(None))
    .order_by(Run.number.desc())
    .limit(1)
    .correlate(Stage)
    .scalar_subquery()
)
LAST_NUMBER = (
    select(func.max(Run.number))
    .where(Run.stage_id == Stage.id, Run.state == "done", Run.verdict.is_not(None))
    .correlate(Stage)
    .scalar_subquery()
)


async def history(parts: Parts, *, user_id: str, filters: Filters) -> History:
    """A page of a person's attempts, newest first.

    Raises:
        BadInput: the place to go on from did not come from a page.
    """
    wanted, onward = filters.conditions(), filters.after_cursor()
    page = (
        _of_person(select(Attempt, Stage, Member.role, LastJudged.verdict, LOSSES, RUNS), user_id)
        .where(*wanted, *onward)
        .order_by(Attempt.created_at.desc(), Attempt.id.desc())
        .limit(filters.limit + 1)
    )
    async with parts.db.read() as session:
        found = (await session.execute(page)).all()
        matching = await session.scalar(_of_person(select(func.count()), user_id).where(*wanted))
        totals = await _totals(session, user_id)
    shown = found[: filters.limit]
    return History(
        attempts=[_row(*columns, now=parts.clock.now()) for columns in shown],
        next=cursor(shown[-1][0]) if len(found) > len(shown) else None,
        matching=matching or 0,
        totals=totals,
    )


def _row(
    attempt: Attempt, stage: Stage, role: str, verdict: Any, losses: Any, runs: int, *, now: int
) -> HistoryRow:
    seen = sight(mode=attempt.mode, role=role, state=attempt.state, revealed=attempt.revealed_at is not None)
    return row(attempt, stage, seen, verdict=verdict, losses=losses, runs=runs, now=now)


async def _totals(session: AsyncSession, user_id: str) -> Totals:
    def number(condition: Any) -> Any:
        return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)

    sums = select(
        func.count(),
        func.min(Attempt.created_at),
        number(JUDGED),
        number(PASSED),
        number(LIED),
        func.coalesce(func.sum(RUNS), 0),
    )
    attempts, since, judged, passed, lied, runs = (await session.execute(_of_person(sums, user_id))).one()
    return Totals(attempts=attempts, since=since, judged=judged, passed=passed, lied=lied, runs=runs)


def _of_person(query: Select[Any], user_id: str) -> Select[Any]:
    """A query over a person's attempts, each with its first stage and the last run of it that was judged."""
    return (
        query.select_from(Member)
        .join(Attempt, Attempt.id == Member.attempt_id)
        .join(Stage, and_(Stage.attempt_id == Attempt.id, Stage.position == 0))
        .outerjoin(LastJudged, and_(LastJudged.stage_id == Stage.id, LastJudged.number == LAST_NUMBER))
        .where(Member.user_id == user_id)
    )
