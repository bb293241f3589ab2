"""The gate's questions as a piece of a page, put in again after each answer."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from app.complexity import service
from app.web.deps import Everything, OwnedStage
from app.web.templating import render

router = APIRouter(include_in_schema=False)


@router.get("/stages/{stage_id}/gate", response_class=HTMLResponse)
async def gate(request: Request, parts: Everything, seat: OwnedStage) -> HTMLResponse:
    """The questions as they stand."""
    found = await service.gate(parts, seat)
    return render(request, "attempts/_gate.html", gate=found, over=seat.stage_done)
