"""The attempts' JSON: draw, read, record, finish, reveal."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from app.attempts import coaching, draft, pausing, service, stages
from app.attempts.coaching import ExplanationView, HintView
from app.attempts.draft import DraftView
from app.attempts.schemas import MILLISECONDS, Marks, NewAttempt, NewEdits, NewExplanation, Seq, TakeHint
from app.attempts.views import AttemptView, Key
from app.web.answers import ERRORS
from app.web.deps import CurrentUser, Everything, Id, OwnedAttempt, OwnedStage

router = APIRouter(prefix="/api", tags=["attempts"], responses=ERRORS)


@router.post("/attempts", status_code=201)
async def create_attempt(parts: Everything, user: CurrentUser, asked: NewAttempt) -> AttemptView:
    """Draw a round and open it."""
    return await service.create(parts, user_id=user.user_id, wish=asked.wish())


@router.get("/attempts/{attempt_id}")
async def read_attempt(parts: Everything, seat: OwnedAttempt) -> AttemptView:
    """An attempt with its stages, drafts and runs."""
    return await service.read(parts, seat)


@router.post("/attempts/{attempt_id}/finish")
async def finish_attempt(parts: Everything, seat: OwnedAttempt) -> AttemptView:
    """End an attempt."""
    return await service.finish(parts, seat)


@router.post("/attempts/{attempt_id}/pause")
async def pause_attempt(parts: Everything, seat: OwnedAttempt) -> AttemptView:
    """Stop the clock, in practice."""
    return await pausing.pause(parts, seat)


@router.post("/attempts/{attempt_id}/resume")
async def resume_attempt(parts: Everything, seat: OwnedAttempt) -> AttemptView:
    """Let the clock run again."""
    return await pausing.go_on(parts, seat)


@router.post("/attempts/{attempt_id}/reveal")
async def reveal_attempt(parts: Everything, seat: OwnedAttempt) -> Key:
    """Tell which bugs there are: in practice at any time, in a mock after its end."""
    return await service.reveal(parts, seat)


@router.post("/stages/{stage_id}/done")
async def end_stage(parts: Everything, seat: OwnedStage) -> AttemptView:
    """Be done with a stage: the next one is opened, or the attempt ends."""
    return await stages.done(parts, seat)


@router.get("/stages/{stage_id}/edits")
async def read_edits(
    parts: Everything, seat: OwnedStage, after: Annotated[int, Query(ge=0, lt=MILLISECONDS)] = 0
) -> DraftView:
    """The draft, and the edits after a sequence."""
    return await draft.read(parts, seat, after=after)


@router.post("/stages/{stage_id}/edits")
async def record_edits(parts: Everything, seat: OwnedStage, new: NewEdits) -> Seq:
    """Append edits to the draft; 409 with the sequence that holds when another tab wrote first."""
    edits = [edit.edit() for edit in new.edits]
    return Seq(seq=await draft.record(parts, seat, base=new.base, edits=edits, batch=new.batch))


@router.get("/stages/{stage_id}/hints")
async def read_hints(parts: Everything, seat: OwnedStage) -> list[HintView]:
    """Hints that were taken."""
    return await coaching.hints(parts, seat)


@router.post("/stages/{stage_id}/hints")
async def take_hint(parts: Everything, seat: OwnedStage, asked: TakeHint) -> HintView:
    """Take the next hint on a slot; in a mock, ask the interviewer for one."""
    return await coaching.take_hint(parts, seat, slot=asked.slot)


@router.get("/stages/{stage_id}/explanations")
async def read_explanations(parts: Everything, seat: OwnedStage) -> list[ExplanationView]:
    """The ledger: one sentence of why for each fix."""
    return await coaching.explanations(parts, seat)


@router.post("/stages/{stage_id}/explanations", status_code=201)
async def explain(parts: Everything, seat: OwnedStage, new: NewExplanation) -> ExplanationView:
    """Add a sentence to the ledger."""
    return await coaching.explain(parts, seat, sentence=new.sentence, hunk=new.hunk, draft_seq=new.draft_seq)


@router.post("/stages/{stage_id}/explanations/{explanation_id}/marks")
async def mark_explanation(
    parts: Everything, seat: OwnedStage, explanation_id: Id, marks: Marks
) -> ExplanationView:
    """Mark a sentence of one's own beside the model's."""
    return await coaching.mark(parts, seat, explanation_id, marks=marks.model_dump())
