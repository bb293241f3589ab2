"""What helps and what is said on the way: hints taken rung by rung, and the ledger of explanations."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access import Seat
from app.attempts.interviewer import NOTHING_LEFT, RUNGS, UNSURE, Said, cost_minutes, next_hint
from app.engine.blobs import given_to
from app.errors import BadInput, Conflict, Forbidden, NotFound, StageClosed
from app.models import Explanation, HintUse, Stage
from app.web.parts import Parts


@dataclass(frozen=True, slots=True, kw_only=True)
class HintView:
    """One hint that was taken."""

    slot: int | None  # None in a mock: what there is to number is not told
    rung: int  # 0 where there was nothing left to point at
    of: int
    text: str
    at_ms: int
    cost_minutes: int  # 0 in practice


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplanationView:
    id: str
    at_ms: int
    draft_seq: int
    hunk: dict[str, Any]
    sentence: str
    marks: dict[str, bool] | None  # the candidate's own: location, mechanism, consequence


async def take_hint(parts: Parts, seat: Seat, *, slot: int | None) -> HintView:
    """The next rung of a slot's ladder, written down as taken; in a mock what the interviewer says next.

    Raises:
        BadInput: no slot was named in practice, or one in a mock.
        NotFound: there is no such slot.
        Conflict: all rungs of it were taken.
        StageClosed: the stage is over.
    """
    seat.require_candidate()
    counted = seat.mode == "mock"
    if counted != (slot is None):
        hint = "Leave the slot out: the interviewer chooses." if counted else "Name the slot."
        raise BadInput("In a mock the interviewer chooses; else you do.", hint=hint)
    async with parts.db.write() as session:
        stage = await session.get_one(Stage, seat.stage)
        if stage.finished_at is not None:
            raise StageClosed("This stage is over.", hint="Its review tells all.")
        bugs = await _bugs_by_slot(session, stage.id)
        taken = [(use.slot, use.rung) for use in await _uses(session, stage.id)]
        said = _rung(bugs, taken, slot) if slot else next_hint(list(bugs.values()), taken, stage.draft)
        use = HintUse(
            stage_id=stage.id, slot=said.slot, rung=said.rung, bug=said.bug, at_ms=parts.clock.now()
        )
        session.add(use)
    return _hint_view(use, bugs, counted=counted, before=said.before)


def _rung(bugs: Mapping[int, dict[str, Any]], taken: Sequence[tuple[int, int]], slot: int) -> Said:
    if slot not in bugs:
        there_are = f"Slots go from 1 to {len(bugs)}." if bugs else "There are no hints in this stage."
        raise NotFound(f"There is no slot {slot}.", hint=there_are)
    rung = max((rung for one, rung in taken if one == slot), default=0) + 1
    if rung > RUNGS:
        raise Conflict(f"All {RUNGS} hints of slot {slot} are taken.", hint="The reveal tells the rest.")
    return Said(slot=slot, rung=rung, bug=bugs[slot]["id"])


async def hints(parts: Parts, seat: Seat) -> list[HintView]:
    """Hints that were taken in a stage, in that order."""
    async with parts.db.read() as session:
        uses = await _uses(session, seat.stage)
        bugs = await _bugs_by_slot(session, seat.stage) if uses else {}
    return [_hint_view(use, bugs, counted=seat.mode == "mock") for use in uses]


async def _uses(session: AsyncSession, stage_id: str) -> list[HintUse]:
    found = select(HintUse).where(HintUse.stage_id == stage_id).order_by(HintUse.at_ms, HintUse.rung)
    return list(await session.scalars(found))


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


async def mark(
    parts: Parts, seat: Seat, explanation_id: str, *, marks: Mapping[str, bool]
) -> ExplanationView:
    """The candidate's own marking of a sentence, once the model sentence stands beside it.

    Raises:
        Forbidden: the key is not told yet.
        NotFound: there is no such sentence in this stage.
    """
    seat.require_candidate()
    if not seat.sight_of(done=False).key:
        raise Forbidden("Sentences are marked beside the model's.", hint="Finish or reveal first.")
    async with parts.db.write() as session:
        explanation = await session.get(Explanation, explanation_id)
        if explanation is None or explanation.stage_id != seat.stage:
            raise NotFound("There is no such sentence.", hint="Reload the review.")
        explanation.marks = dict(marks)
    return _explanation_view(explanation)


async def explanations(parts: Parts, seat: Seat) -> list[ExplanationView]:
    """The ledger of a stage."""
    found = select(Explanation).where(Explanation.stage_id == seat.stage).order_by(Explanation.at_ms)
    async with parts.db.read() as session:
        return [_explanation_view(explanation) for explanation in await session.scalars(found)]


async def _bugs_by_slot(session: AsyncSession, stage_id: str) -> dict[int, dict[str, Any]]:
    given = await given_to(session, stage_id, "bugs")
    return {bug["slot"]: bug for bug in json.loads(given["bugs"])}


def _hint_view(
    use: HintUse, bugs: Mapping[int, dict[str, Any]], *, counted: bool, before: str = ""
) -> HintView:
    text = UNSURE if use.slot == NOTHING_LEFT else bugs[use.slot]["hints"][use.rung - 1]
    return HintView(
        slot=None if counted else use.slot,
        rung=0 if use.slot == NOTHING_LEFT else use.rung,
        of=RUNGS,
        text=f"{before} {text}".strip(),
        at_ms=use.at_ms,
        cost_minutes=cost_minutes(use.slot, use.rung) if counted else 0,
    )


def _explanation_view(explanation: Explanation) -> ExplanationView:
    return ExplanationView(
        id=explanation.id,
        at_ms=explanation.at_ms,
        draft_seq=explanation.draft_seq,
        hunk=explanation.hunk,
        sentence=explanation.sentence,
        marks=explanation.marks,
    )
