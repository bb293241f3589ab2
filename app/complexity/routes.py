"""The gate's JSON: the questions, and an answer to one."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import ConfigDict, Field

from app.complexity import service
from app.complexity.service import Gate
from app.web.answers import ERRORS
from app.web.bodies import Body
from app.web.deps import Everything, OwnedStage

router = APIRouter(prefix="/api", tags=["complexity"], responses=ERRORS)


class NewAnswer(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"question": "step", "text": "T^2 * d"}]})

    question: Annotated[str, Field(min_length=1, max_length=32)]
    text: Annotated[str, Field(min_length=1, max_length=1_000)]


@router.get("/stages/{stage_id}/gate")
async def read_gate(parts: Everything, seat: OwnedStage) -> Gate:
    """The costs that are asked for, and what was answered."""
    return await service.gate(parts, seat)


@router.post("/stages/{stage_id}/answers")
async def answer(parts: Everything, seat: OwnedStage, new: NewAnswer) -> Gate:
    """Answer a question with an expression in T, d and L; a second try is the last."""
    return await service.answer(parts, seat, question=new.question, text=new.text)
