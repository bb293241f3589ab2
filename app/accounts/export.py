"""Everything that is kept of a person, as one JSON document: without the keys that are not told yet."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access import Seat, seat_in_attempt
from app.engine.blobs import given_to, text_of
from app.models import Answer, Attempt, Edit, Explanation, HintUse, Lab, Member, Run, RunEvent, Stage, User
from app.sight import Sight, run_summary, visible_event
from app.web.parts import Parts

FORMAT = 1


async def export(parts: Parts, *, user_id: str) -> AsyncIterator[str]:
    """The document in pieces, an attempt at a time, so that years of practice fit any memory."""
    async with parts.db.read() as session:
        user = await session.get(User, user_id)
        found = select(Member.attempt_id).join(Attempt).where(Member.user_id == user_id)
        attempt_ids = (await session.scalars(found.order_by(Attempt.created_at))).all()
    head = {
        "format": FORMAT,
        "exported_at": parts.clock.now(),
        "created_at": None if user is None else user.created_at,
        "preferences": {} if user is None else user.preferences,
    }
    yield json.dumps(head)[:-1] + ', "attempts": ['
    for number, attempt_id in enumerate(attempt_ids):
        async with parts.db.read() as session:
            seat = await seat_in_attempt(session, attempt_id, user_id=user_id)
            attempt = json.dumps(await _attempt(session, seat), ensure_ascii=False)
        yield (",\n" if number else "\n") + attempt
    yield "\n]}\n"


async def _attempt(session: AsyncSession, seat: Seat) -> dict[str, Any]:
    attempt = await session.get_one(Attempt, seat.attempt_id)
    stages = await session.scalars(
        select(Stage).where(Stage.attempt_id == attempt.id).order_by(Stage.position)
    )
    variant = attempt.variant if seat.sight.key else {"tier": attempt.variant["tier"]}
    return {
        "id": attempt.id,
        "mode": attempt.mode,
        "role": seat.role,
        "state": attempt.state,
        "variant": variant,
        "options": _options(attempt, seat),
        "created_at": attempt.created_at,
        "finished_at": attempt.finished_at,
        "revealed_at": attempt.revealed_at,
        "stages": [await _stage(session, stage, seat) for stage in stages],
    }


def _options(attempt: Attempt, seat: Seat) -> dict[str, Any]:
    """What is to come in a mock is the interviewer's to tell."""
    hidden = () if seat.sight.verdict else ("stages",)
    return {name: value for name, value in attempt.options.items() if name not in hidden}


async def _stage(session: AsyncSession, stage: Stage, seat: Seat) -> dict[str, Any]:
    seen = seat.sight_of(done=stage.finished_at is not None)
    roles = ("starter", "sentence", "statement") + (("shape", "bugs") if seat.sight.key else ())
    runs = (await session.scalars(select(Run).where(Run.stage_id == stage.id).order_by(Run.number))).all()
    edits = await session.scalars(select(Edit).where(Edit.stage_id == stage.id).order_by(Edit.seq))
    hints = await session.scalars(select(HintUse).where(HintUse.stage_id == stage.id).order_by(HintUse.at_ms))
    ledger = await session.scalars(
        select(Explanation).where(Explanation.stage_id == stage.id).order_by(Explanation.at_ms)
    )
    answers = await session.scalars(
        select(Answer).where(Answer.stage_id == stage.id).order_by(Answer.at_ms, Answer.question)
    )
    lab = await session.get(Lab, stage.id)
    return {
        "id": stage.id,
        "kind": stage.kind,
        "problem": stage.problem,
        "given": await given_to(session, stage.id, *roles),
        "draft": stage.draft,
        "started_at": stage.started_at,
        "deadline_at": stage.deadline_at,
        "finished_at": stage.finished_at,
        "edits": [
            {"seq": edit.seq, "at_ms": edit.at_ms, "kind": edit.kind, "payload": edit.payload}
            for edit in edits
        ],
        "hints": [
            {"slot": hint.slot if seen.verdict else None, "rung": hint.rung, "at_ms": hint.at_ms}
            for hint in hints
        ],
        "explanations": [
            {
                "at_ms": entry.at_ms,
                "draft_seq": entry.draft_seq,
                "hunk": entry.hunk,
                "sentence": entry.sentence,
                "marks": entry.marks,
            }
            for entry in ledger
        ],
        "answers": [
            {"question": one.question, "at_ms": one.at_ms, "text": one.text, "right": one.right}
            for one in answers
        ],
        "lab": None if lab is None else lab.data,
        "runs": [await _run(session, run, stage, seen) for run in runs],
    }


async def _run(session: AsyncSession, run: Run, stage: Stage, seen: Sight) -> dict[str, Any]:
    slots: list[str] = stage.variant["bugs"]
    summary = run_summary(run, seen, slots=slots)
    events = []
    found = select(RunEvent).where(RunEvent.run_id == run.id).order_by(RunEvent.seq)
    for event in await session.scalars(found):
        data = visible_event(event.kind, event.audience, event.data, seen, slots=slots)
        if data is not None and event.kind != "verdict":
            events.append({"seq": event.seq, "at_ms": event.at_ms, "kind": event.kind, "data": data})
    return {
        "id": run.id,
        "number": run.number,
        "kind": run.kind,
        "state": run.state,
        "created_at": run.created_at,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "message": summary.message,
        "verdict": summary.verdict,
        "code": await text_of(session, run.code),
        "events": events,
    }
