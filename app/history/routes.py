"""The history's JSON: attempts found again, and each looked back on."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from app.history import changes, review, service
from app.history.changes import LATEST
from app.history.filters import MOST, Filters
from app.history.rows import History
from app.history.views import Change, Review
from app.web.answers import ERRORS
from app.web.deps import Everything, OwnedAttempt, Settled

router = APIRouter(prefix="/api", tags=["history"], responses=ERRORS)


class Asked(BaseModel):
    """What is asked of the history; empty or left out means all of it."""

    model_config = ConfigDict(extra="ignore")

    state: Literal["", "open", "finished", "expired", "abandoned"] = ""
    tier: str = Field(default="", max_length=64)
    result: Literal["", "passed", "lied", "failed", "unjudged"] = Field(
        default="", description="lied: both criteria passed and something is broken."
    )
    q: str = Field(default="", max_length=200, description="Seed, mode, ledger; once told, bugs.")
    before: str = Field(default="", max_length=64, description="The `next` of the page before.")
    limit: int = Field(default=25, ge=1, le=MOST)

    def filters(self) -> Filters:
        return Filters(**self.model_dump())


AskedFor = Annotated[Asked, Query()]
Position = Annotated[int, Query(ge=0, le=99, description="Which stage, from 0.")]


@router.get("/history")
async def read_history(parts: Everything, user: Settled, asked: AskedFor) -> History:
    """Attempts, newest first."""
    return await service.history(parts, user_id=user.user_id, filters=asked.filters())


@router.get("/attempts/{attempt_id}/review")
async def read_review(parts: Everything, seat: OwnedAttempt, stage: Position = 0) -> Review:
    """A stage looked back on: runs, times, lanes; bugs and how it went once they may be told."""
    return await review.review(parts, seat, position=stage)


@router.get("/attempts/{attempt_id}/changes/{step}")
async def read_changes(
    parts: Everything,
    seat: OwnedAttempt,
    step: Annotated[str, Path(max_length=32, examples=[LATEST, "run-1", "clean"])],
    stage: Position = 0,
) -> Change:
    """What was changed, as hunks: over all, by a run, or still between the draft and the clean program."""
    return await changes.change(parts, seat, step=step, position=stage)
