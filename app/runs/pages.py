"""A run's verdict as a piece of a page, put into the workspace when the run has ended."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from app.errors import NotFound
from app.runs import service
from app.web.deps import Everything, OwnedRun
from app.web.reading import read_verdict
from app.web.templating import render

router = APIRouter(include_in_schema=False)


@router.get("/runs/{run_id}/verdict", response_class=HTMLResponse)
async def verdict(request: Request, parts: Everything, seat: OwnedRun) -> HTMLResponse:
    """The verdict, said; raises NotFound while there is none to be seen."""
    run = await service.read(parts, seat)
    if run.verdict is None and run.state in ("queued", "running", "cancelled"):
        raise NotFound("This run has no verdict.", hint="It is not over yet, or it was stopped.")
    if run.verdict is None and run.state == "done":
        return render(request, "attempts/_withheld.html")
    reading = read_verdict(run.verdict, message=run.message)
    return render(request, "attempts/_verdict.html", reading=reading)
