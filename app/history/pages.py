"""The pages of what has been: the list of attempts, and the review of one."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import HTMLResponse, RedirectResponse

from app.attempts import coaching
from app.deadlines import kept_ms
from app.history import changes, review, service
from app.history.changes import LATEST
from app.history.filters import Filters
from app.history.hour import hour
from app.history.moments import moments
from app.history.onward import again, same
from app.history.routes import AskedFor, Position
from app.history.shares import shares
from app.history.views import Review
from app.web.deps import Everything, OwnedAttempt, OwnedStage, Settled
from app.web.reading import Reading, read_verdict
from app.web.templating import render

router = APIRouter(include_in_schema=False)

HISTORY_KEYS = (
    ("j", "next attempt"),
    ("k", "previous attempt"),
    ("enter", "open it"),
    ("/", "search"),
    ("mod+k", "commands"),
    ("?", "this list"),
)
STATES = (("", "Any state"), ("open", "Open"), ("finished", "Finished"), ("expired", "Time was over"))
RESULTS = (
    ("", "Any verdict"),
    ("passed", "All of it held"),
    ("lied", "The loss lied"),
    ("failed", "A criterion failed"),
    ("unjudged", "No verdict"),
)


MARKS = ("location", "mechanism", "consequence")


class Marked(BaseModel):
    """Three boxes, each ticked or not, and the stage whose review they stand in."""

    location: bool = False
    mechanism: bool = False
    consequence: bool = False
    stage: int = Field(default=0, ge=0, le=99)


@router.get("/history", response_class=HTMLResponse)
async def history_page(request: Request, parts: Everything, user: Settled, asked: AskedFor) -> HTMLResponse:
    """Attempts, newest first, with their filters."""
    filters = asked.filters()
    page = await service.history(parts, user_id=user.user_id, filters=filters)
    tiers = [("", "Any tier"), *((tier.name, tier.title) for tier in parts.catalog.tiers.values())]
    return render(
        request,
        "history/history.html",
        rows=page.attempts,
        matching=page.matching,
        totals=page.totals,
        filters=filters,
        states=[*STATES, ("abandoned", "Without a run")],
        results=RESULTS,
        tiers=tiers,
        newest=_address(filters, before=""),
        older=None if page.next is None else _address(filters, before=page.next),
        page_keys=HISTORY_KEYS,
    )


@router.get("/attempts/{attempt_id}/review", response_class=HTMLResponse)
async def review_page(
    request: Request,
    parts: Everything,
    seat: OwnedAttempt,
    step: Annotated[str, Query(max_length=32)] = LATEST,
    stage: Position = 0,
) -> HTMLResponse:
    """A stage of an attempt, looked back on; the first one's page is the whole hour's."""
    found = await review.review(parts, seat, position=stage)
    return render(
        request,
        "history/review.html",
        review=found,
        hour=hour(found, kept_ms=kept_ms(found.minutes)),
        moments=moments(found),
        shares=shares(found),
        readings=_readings(found),
        change=await changes.change(parts, seat, step=step, position=stage),
        again=again(found),
        same=same(found),
    )


@router.post("/stages/{stage_id}/explanations/{explanation_id}/marks", response_class=RedirectResponse)
async def mark(
    parts: Everything, seat: OwnedStage, explanation_id: str, marks: Annotated[Marked, Form()]
) -> RedirectResponse:
    """The candidate's own marking of a sentence, as the form without scripts sends it."""
    await coaching.mark(parts, seat, explanation_id, marks=marks.model_dump(include=set(MARKS)))
    place = f"/attempts/{seat.attempt_id}/review?stage={marks.stage}#bugs"
    return RedirectResponse(place, status_code=303)


def _readings(found: Review) -> dict[str, Reading]:
    """What each run said, by its id, where something was said that may be seen."""
    return {
        run.id: read_verdict(run.verdict, message=run.message)
        for run in found.runs
        if run.verdict is not None or run.state == "error"
    }


def _address(filters: Filters, *, before: str) -> str:
    asked = {
        "state": filters.state,
        "tier": filters.tier,
        "result": filters.result,
        "q": filters.q,
        "before": before,
    }
    query = urlencode({name: value for name, value in asked.items() if value})
    return f"/history?{query}" if query else "/history"
