"""The runs' JSON, and their events as a stream that can be taken up again."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query
from pydantic import BaseModel, ConfigDict, Field

from app.runs import service
from app.runs.service import RunView, Submitted
from app.web.answers import ERRORS
from app.web.deps import Everything, OwnedRun, OwnedStage
from app.web.sse import EventStream

router = APIRouter(prefix="/api", tags=["runs"], responses=ERRORS)

MILLISECONDS = 1 << 53


class NewRun(BaseModel):
    """A source to be run. run: executed as Python would, then examined. check: examined only."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"code": "print('here')", "kind": "run"}]}
    )

    code: str
    kind: Literal["run", "check"] = "run"
    draft_seq: Annotated[int, Field(ge=0, lt=MILLISECONDS)] | None = None


@router.post("/stages/{stage_id}/runs", status_code=202)
async def submit_run(parts: Everything, seat: OwnedStage, new: NewRun) -> Submitted:
    """Put a source in line; follow its events to see it run."""
    return await service.submit(parts, seat, code=new.code, kind=new.kind, draft_seq=new.draft_seq)


@router.get("/runs/{run_id}")
async def read_run(parts: Everything, seat: OwnedRun) -> RunView:
    """A run as it stands."""
    return await service.read(parts, seat)


@router.post("/runs/{run_id}/cancel")
async def cancel_run(parts: Everything, seat: OwnedRun) -> RunView:
    """Stop a run, waiting or running."""
    return await service.cancel(parts, seat)


@router.get(
    "/runs/{run_id}/events",
    response_class=EventStream,
    responses={200: {"content": {"text/event-stream": {}}, "description": "Events until the run's end."}},
)
async def follow_run(
    parts: Everything,
    seat: OwnedRun,
    after: Annotated[int, Query(ge=0, lt=MILLISECONDS)] = 0,
    last_event_id: Annotated[str | None, Header()] = None,
) -> EventStream:
    """Events of a run: status, output, loss, property, verdict, bug, end; Last-Event-ID takes it up.

    Where some bugs are still to be judged apart, `verdict` comes first without them, each comes as `bug`, and
    `verdict` comes again with all of it.
    """
    place = service.place_after(last_event_id, after)
    return EventStream(service.events(parts, seat, after=place))
