"""The gate's questions and the lab's picture as pieces of a page, put in when they have changed."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query, Request
from sqlalchemy import select
from starlette.responses import HTMLResponse

from app.access import nothing_here
from app.complexity import lab, service
from app.errors import NotFound
from app.models import Stage
from app.web.deps import Everything, OwnedAttempt, OwnedStage
from app.web.templating import render

router = APIRouter(include_in_schema=False)


@router.get("/stages/{stage_id}/gate", response_class=HTMLResponse)
async def gate(request: Request, parts: Everything, seat: OwnedStage) -> HTMLResponse:
    """The questions as they stand."""
    found = await service.gate(parts, seat)
    return render(request, "attempts/_gate.html", gate=found, over=seat.stage_done)


@router.get("/attempts/{attempt_id}/lab", response_class=HTMLResponse)
async def picture(
    request: Request,
    parts: Everything,
    seat: OwnedAttempt,
    stage: Annotated[str, Query(min_length=1, max_length=22)],
) -> HTMLResponse:
    """The picture, said; raises NotFound while nothing was measured."""
    found = select(Stage.id).where(Stage.id == stage, Stage.attempt_id == seat.attempt_id)
    async with parts.db.read() as session:
        if await session.scalar(found) is None:
            raise nothing_here()
    shown = await lab.shown(parts, replace(seat, stage_id=stage))
    if shown is None:
        raise NotFound("Nothing was measured yet.", hint="Measure it first.")
    return render(request, "attempts/pictures/lab.html", lab=shown)
