"""What helps and what is said on the way: hints taken rung by rung, and the ledger of explanations."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access import Seat
from app.engine.blobs import given_to
from app.errors import Conflict, Forbidden, NotFound, StageClosed
from app.models import Explanation, HintUse, Stage
from app.web.parts import Parts

RUNGS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class HintView:
    """One hint that was taken."""

    slot: int
    rung: int
    of: int
    text: str
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplanationView:
    id: str
    at_ms: int
    draft_seq: int
    hunk: dict[str, Any]
    sentence: str


async def take_hint(parts: Parts, seat: Seat, *, slot: int) -> HintView:
    """The next rung of a slot's ladder, written down as taken.

    Raises:
        Forbidden: in a mock hints come from the interviewer.
        NotFound: there is no such slot.
        Conflict: all rungs of it were taken.
        StageClosed: the stage is over.
    """
    seat.require_candidate()
    if seat.mode == "mock":
        raise Forbidden("In a mock the interviewer gives the hints.", hint="Ask for one, out loud.")
    now = parts.clock.now()
    async with parts.db.write() as session:
        stage = await session.get_one(Stage, seat.stage)
        if stage.finished_at is not None:
            raise StageClosed("This stage is over.", hint="Its review tells all.")
        bugs = await _bugs_by_slot(session, stage.id)
        if slot not in bugs:
            raise NotFound(f"There is no slot {slot}.", hint=f"Slots go from 1 to {len(bugs)}.")
        mine = (HintUse.stage_id == stage.id, HintUse.slot == slot)
        rung = (await session.scalar(select(func.max(HintUse.rung)).where(*mine)) or 0) + 1
        if rung > RUNGS:
            raise Conflict(f"All {RUNGS} hints of slot {slot} are taken.", hint="The reveal tells the rest.")
        use = HintUse(stage_id=stage.id, slot=slot, rung=rung, bug=bugs[slot]["id"], at_ms=now)
        session.add(use)
    return _hint_view(use, bugs)


async def hints(parts: Parts, seat: Seat) -> list[HintView]:
    """Hints that were taken in a stage, in that order."""
    async with parts.db.read() as session:
        found = select(HintUse).where(HintUse.stage_id == seat.stage).order_by(HintUse.at_ms, HintUse.rung)
        uses = (await session.scalars(found)).all()
        bugs = await _bugs_by_slot(session, seat.stage) if uses else {}
    return [_hint_view(use, bugs) for use in uses]


async def explain(
    parts: Parts, seat: Seat, *, sentence: str, hunk: dict[str, Any], draft_seq: int
) -> ExplanationView:
    """Write down why a fix is one, in the candidate's words."""
    seat.require_candidate()
    async with parts.db.write() as session:
        explanation = Explanation(
            stage_id=seat.stage,
            at_ms=parts.clock.now(),
            draft_seq=draft_seq,
            hunk=hunk,
            sentence=sentence,
        )
        session.add(explanation)
    return _explanation_view(explanation)


async def explanations(parts: Parts, seat: Seat) -> list[ExplanationView]:
    """The ledger of a stage."""
    found = select(Explanation).where(Explanation.stage_id == seat.stage).order_by(Explanation.at_ms)
    async with parts.db.read() as session:
        return [_explanation_view(explanation) for explanation in await session.scalars(found)]


async def _bugs_by_slot(session: AsyncSession, stage_id: str) -> dict[int, dict[str, Any]]:
    given = await given_to(session, stage_id, "bugs")
    return {bug["slot"]: bug for bug in json.loads(given["bugs"])}


def _hint_view(use: HintUse, bugs: dict[int, dict[str, Any]]) -> HintView:
    text = bugs[use.slot]["hints"][use.rung - 1]
    return HintView(slot=use.slot, rung=use.rung, of=RUNGS, text=text, at_ms=use.at_ms)


def _explanation_view(explanation: Explanation) -> ExplanationView:
    return ExplanationView(
        id=explanation.id,
        at_ms=explanation.at_ms,
        draft_seq=explanation.draft_seq,
        hunk=explanation.hunk,
        sentence=explanation.sentence,
    )
