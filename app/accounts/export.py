"""Everything that is kept of a person, as one JSON document: without the keys that are not told yet."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access import Seat, seat_in_attempt
from app.engine.blobs import given_to, text_of
from app.models import Attempt, Edit, Explanation, HintUse, Member, Run, RunEvent, Stage, User
from app.sight import run_summary, visible_event
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
        "options": attempt.options,
        "created_at": attempt.created_at,
        "finished_at": attempt.finished_at,
        "revealed_at": attempt.revealed_at,
        "stages": [await _stage(session, stage, seat) for stage in stages],
    }


async def _stage(session: AsyncSession, stage: Stage, seat: Seat) -> dict[str, Any]:
    roles = ("starter", "sentence", "statement") + (("shape", "bugs") if seat.sight.key else ())
    runs = (await session.scalars(select(Run).where(Run.stage_id == stage.id).order_by(Run.number))).all()
    edits = await session.scalars(select(Edit).where(Edit.stage_id == stage.id).order_by(Edit.seq))
    hints = await session.scalars(select(HintUse).where(HintUse.stage_id == stage.id).order_by(HintUse.at_ms))
    ledger = await session.scalars(
        select(Explanation).where(Explanation.stage_id == stage.id).order_by(Explanation.at_ms)
    )
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
        "hints": [{"slot": hint.slot, "rung": hint.rung, "at_ms": hint.at_ms} for hint in hints],
        "explanations": [
            {
                "at_ms": entry.at_ms,
                "draft_seq": entry.draft_seq,
                "hunk": entry.hunk,
                "sentence": entry.sentence,
            }
            for entry in ledger
        ],
        "runs": [await _run(session, run, stage, seat) for run in runs],
    }


async def _run(session: AsyncSession, run: Run, stage: Stage, seat: Seat) -> dict[str, Any]:
    slots: list[str] = stage.variant["bugs"]
    summary = run_summary(run, seat.sight, slots=slots)
    events = []
    found = select(RunEvent).where(RunEvent.run_id == run.id).order_by(RunEvent.seq)
    for event in await session.scalars(found):
        data = visible_event(event.kind, event.audience, event.data, seat.sight, slots=slots)
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
