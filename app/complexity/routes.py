"""The gate's JSON: the questions, an answer to one, and the lab."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import ConfigDict, Field

from app.complexity import lab, service
from app.complexity.lab import Measured
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


@router.post("/stages/{stage_id}/lab")
async def measure(parts: Everything, seat: OwnedStage) -> Measured:
    """Time one step of the model against T, with a cache and without; answers in some five seconds."""
    return await lab.measure(parts, seat)


@router.get("/stages/{stage_id}/lab")
async def read_lab(parts: Everything, seat: OwnedStage) -> Measured:
    """What was measured last."""
    return await lab.read(parts, seat)
