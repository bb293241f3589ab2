"""Which attempt you sit in, and as what; to anyone else it is as if it weren't there."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.errors import Forbidden, NotFound
from app.models import Attempt, Member, Run, Stage
from app.sight import Sight, sight

WRITERS = frozenset({"candidate"})


@dataclass(frozen=True, slots=True)
class Seat:
    """A person's place in an attempt, with the stage and the run it was asked through."""

    user_id: str
    attempt_id: str
    role: str
    mode: str
    state: str
    revealed: bool
    stage_deadline: int | None  # of a stage that is still open
    hour_deadline: int | None  # of the attempt
    stage_id: str | None = None
    stage_done: bool = False  # the stage's, where the seat was asked through one
    run_id: str | None = None

    @property
    def sight(self) -> Sight:
        return self.sight_of(done=self.stage_done)

    def sight_of(self, *, done: bool) -> Sight:
        """What is seen of a stage that the candidate is done with, or is not."""
        return sight(mode=self.mode, role=self.role, state=self.state, revealed=self.revealed, done=done)

    def is_due(self, now: int) -> bool:
        """Whether a deadline has passed whose effect is still to come."""
        ends = (self.stage_deadline, self.hour_deadline if self.state == "open" else None)
        return any(end is not None and end <= now for end in ends)

    @property
    def stage(self) -> str:
        """The stage's id, where the seat was asked through one."""
        assert self.stage_id is not None
        return self.stage_id

    @property
    def run(self) -> str:
        """The run's id, where the seat was asked through one."""
        assert self.run_id is not None
        return self.run_id

    def require_candidate(self) -> None:
        """Raises Forbidden for those who only watch."""
        if self.role not in WRITERS:
            raise Forbidden("Only the candidate may do this.", hint="You watch this attempt.")


_OPEN = aliased(Stage)
_NEXT_DEADLINE = (
    select(func.min(_OPEN.deadline_at))
    .where(_OPEN.attempt_id == Attempt.id, _OPEN.finished_at.is_(None))
    .correlate(Attempt)
    .scalar_subquery()
)
_SEAT = (
    Member.user_id,
    Attempt.id,
    Member.role,
    Attempt.mode,
    Attempt.state,
    Attempt.revealed_at.is_not(None),
    _NEXT_DEADLINE,
    Attempt.deadline_at,
)


async def seat_in_attempt(session: AsyncSession, attempt_id: str, *, user_id: str) -> Seat:
    """Raises NotFound when there is no such attempt, or it is not yours."""
    found = select(*_SEAT).join(Attempt, Attempt.id == Member.attempt_id)
    row = (await session.execute(found.where(Attempt.id == attempt_id, Member.user_id == user_id))).first()
    if row is None:
        raise nothing_here()
    return Seat(*row)


async def seat_at_stage(session: AsyncSession, stage_id: str, *, user_id: str) -> Seat:
    """Raises NotFound when there is no such stage, or it is not yours."""
    found = (
        select(*_SEAT, Stage.id, Stage.finished_at.is_not(None))
        .join(Attempt, Attempt.id == Member.attempt_id)
        .join(Stage, Stage.attempt_id == Attempt.id)
    )
    row = (await session.execute(found.where(Stage.id == stage_id, Member.user_id == user_id))).first()
    if row is None:
        raise nothing_here()
    return Seat(*row)


async def seat_at_run(session: AsyncSession, run_id: str, *, user_id: str) -> Seat:
    """Raises NotFound when there is no such run, or it is not yours."""
    found = (
        select(*_SEAT, Stage.id, Stage.finished_at.is_not(None), Run.id)
        .join(Attempt, Attempt.id == Member.attempt_id)
        .join(Stage, Stage.attempt_id == Attempt.id)
        .join(Run, Run.stage_id == Stage.id)
    )
    row = (await session.execute(found.where(Run.id == run_id, Member.user_id == user_id))).first()
    if row is None:
        raise nothing_here()
    return Seat(*row)


def nothing_here() -> NotFound:
    return NotFound("There is nothing here, or it is not yours.", hint="Your attempts are in the history.")
