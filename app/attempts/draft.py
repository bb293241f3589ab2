"""The draft of a stage, as the sum of its recorded edits; a second tab never overwrites the first."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.access import Seat
from app.deadlines import GRACE_MS
from app.engine.blobs import text_of
from app.engine.plain import is_plain_text
from app.errors import StageClosed, StaleEdit, TooLarge
from app.models import Edit, Stage
from app.operations import Operation, apply_all, require_text
from app.web.parts import Parts

CHECKPOINT_EVERY = 200  # edits between two full copies of the draft, for a replay that starts in the middle
DRAFT_KB_PER_SOURCE_KB = 4  # a draft may be longer than what may be run: a paste is trimmed before it is run


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEdit:
    """One edit as it came in."""

    at_ms: int
    kind: Literal["ops", "reset", "resync"]
    ops: tuple[Operation, ...] = ()
    line: int | None = None  # where the cursor stood
    text: str | None = None  # the whole text, for a resync


@dataclass(frozen=True, slots=True, kw_only=True)
class EditView:
    seq: int
    at_ms: int
    kind: str
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftView:
    """The draft as it stands, and the edits after a sequence that led to it."""

    seq: int
    draft: str
    edits: list[EditView]


async def record(
    parts: Parts, seat: Seat, *, base: int, edits: Sequence[NewEdit], batch: str | None = None
) -> int:
    """Append edits that build on sequence `base`; the new sequence. A batch that came before counts once.

    Raises:
        StaleEdit: another tab wrote since `base`.
        StageClosed: the stage is over.
        TooLarge: the draft would be longer than is kept.
        BadInput: an edit doesn't fit the draft.
    """
    seat.require_candidate()
    now = parts.clock.now()
    async with parts.db.write() as session:
        stage = await session.get_one(Stage, seat.stage)
        if batch is not None and (before := await _seq_of_batch(session, stage.id, batch)) is not None:
            return before
        _require_open(stage, now=now)
        if base != stage.draft_seq:
            raise StaleEdit(
                "Another tab wrote to this draft.",
                hint="Take over: load the draft as it is now. Or read only.",
                seq=stage.draft_seq,
            )
        draft = await _sum(session, stage, edits)
        if not all(is_plain_text(come) for edit in edits for _, _, come in edit.ops):
            edits = [_whole(edits[-1], draft)]
        limit = parts.settings.source_kb * DRAFT_KB_PER_SOURCE_KB
        if len(draft.encode()) > limit << 10:
            raise TooLarge(
                f"The draft would be longer than {limit} KiB.",
                hint="Take some of it out; it is still in this tab.",
            )
        return await _append(session, stage, edits, draft, actor=seat.user_id, batch=batch, now=now)


async def read(parts: Parts, seat: Seat, *, after: int) -> DraftView:
    """The draft, and what was recorded after a sequence."""
    async with parts.db.read() as session:
        stage = await session.get_one(Stage, seat.stage)
        found = select(Edit).where(Edit.stage_id == stage.id, Edit.seq > after).order_by(Edit.seq)
        edits = [
            EditView(seq=edit.seq, at_ms=edit.at_ms, kind=edit.kind, payload=edit.payload)
            for edit in await session.scalars(found)
        ]
    return DraftView(seq=stage.draft_seq, draft=stage.draft, edits=edits)


def _require_open(stage: Stage, *, now: int) -> None:
    over = stage.finished_at is not None or (stage.deadline_at is not None and stage.deadline_at <= now)
    ended_at = stage.finished_at if stage.finished_at is not None else stage.deadline_at
    if over and ended_at is not None and now > ended_at + GRACE_MS:
        raise StageClosed("This stage is over.", hint="Its draft stays as it was; start another round.")


async def _seq_of_batch(session: AsyncSession, stage_id: str, batch: str) -> int | None:
    found = select(func.max(Edit.seq)).where(Edit.stage_id == stage_id, Edit.batch == batch)
    return await session.scalar(found)


async def _sum(session: AsyncSession, stage: Stage, edits: Sequence[NewEdit]) -> str:
    starter = await text_of(session, stage.starter) if any(edit.kind == "reset" for edit in edits) else ""
    return await asyncio.to_thread(_fold, stage.draft, edits, starter)  # many operations take a while


def _fold(draft: str, edits: Sequence[NewEdit], starter: str) -> str:
    for kind, group in groupby(edits, key=lambda edit: edit.kind):
        if kind == "ops":
            draft = apply_all(draft, [operation for edit in group for operation in edit.ops])
        else:
            *_, last = group
            draft = starter if kind == "reset" else last.text or ""
    require_text(draft)
    return draft


def _whole(last: NewEdit, draft: str) -> NewEdit:
    """One edit that says the outcome: pieces that held half characters could be kept by no store."""
    return NewEdit(at_ms=last.at_ms, kind="resync", text=draft, line=last.line)


async def _append(
    session: AsyncSession,
    stage: Stage,
    edits: Sequence[NewEdit],
    draft: str,
    *,
    actor: str,
    batch: str | None,
    now: int,
) -> int:
    before = stage.draft_seq
    rows = [
        _row(stage.id, before + number, edit.at_ms, edit.kind, _payload(edit), actor=actor, batch=batch)
        for number, edit in enumerate(edits, start=1)
    ]
    seq = before + len(rows)
    if rows and before // CHECKPOINT_EVERY != seq // CHECKPOINT_EVERY:
        seq += 1
        rows.append(_row(stage.id, seq, now, "checkpoint", {"text": draft}, actor=actor, batch=batch))
    if rows:
        await session.execute(insert(Edit), rows)
        await session.execute(update(Stage).where(Stage.id == stage.id).values(draft=draft, draft_seq=seq))
    return seq


def _row(
    stage_id: str, seq: int, at_ms: int, kind: str, payload: dict[str, Any], *, actor: str, batch: str | None
) -> dict[str, Any]:
    return {
        "stage_id": stage_id,
        "seq": seq,
        "at_ms": at_ms,
        "actor": actor,
        "kind": kind,
        "batch": batch,
        "payload": payload,
    }


def _payload(edit: NewEdit) -> dict[str, Any]:
    if edit.kind == "resync":
        return {"text": edit.text or ""}
    if edit.kind == "reset":
        return {}
    ops: dict[str, Any] = {"ops": [list(operation) for operation in edit.ops]}
    return ops if edit.line is None else {**ops, "line": edit.line}
