"""All that is kept of an attempt's first stage, read at once: what the review is made of."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.engine.blobs import given_to
from app.history.replay import Edit
from app.models import Attempt, Blob, Explanation, HintUse, Run, Stage
from app.models import Edit as EditRow

AT_ONCE = 200  # rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Rows and texts as they were kept; nothing is left out, so nothing of it may leave unfiltered."""

    attempt: Attempt
    stage: Stage
    starter: str
    shape: str
    bugs: list[dict[str, Any]]  # in slot order
    runs: list[Run]
    sources: dict[str, str]  # by hash
    edits: list[Edit]
    hints: list[HintUse]
    explanations: list[Explanation]

    def ended_at(self, now: int) -> int:
        """When it ended, or `now` while it goes on."""
        ended = self.stage.finished_at or self.attempt.finished_at
        return now if ended is None else ended

    def source(self, run: Run) -> str:
        return self.sources[run.code]

    @property
    def last_text(self) -> str:
        """The file as it was left: the draft, or the last source that came without one."""
        if self.stage.draft_seq or not self.runs:
            return self.stage.draft
        return self.source(self.runs[-1])


async def load_record(session: AsyncSession, attempt_id: str) -> Record:
    """The record of an attempt that is there."""
    attempt = await session.get_one(Attempt, attempt_id)
    found = select(Stage).where(Stage.attempt_id == attempt_id).order_by(Stage.position).limit(1)
    stage = (await session.scalars(found)).one()
    given = await given_to(session, stage.id, "starter", "shape", "bugs")
    runs = (await session.scalars(select(Run).where(Run.stage_id == stage.id).order_by(Run.number))).all()
    hashes = {run.code for run in runs}
    blobs = await session.execute(select(Blob.sha256, Blob.bytes).where(Blob.sha256.in_(hashes)))
    hints = await session.scalars(
        select(HintUse).where(HintUse.stage_id == stage.id).order_by(HintUse.at_ms, HintUse.rung)
    )
    explanations = await session.scalars(
        select(Explanation).where(Explanation.stage_id == stage.id).order_by(Explanation.at_ms)
    )
    return Record(
        attempt=attempt,
        stage=stage,
        starter=given["starter"],
        shape=given["shape"],
        bugs=sorted(json.loads(given["bugs"]), key=lambda bug: bug["slot"]),
        runs=list(runs),
        sources={name: source.decode() for name, source in blobs},
        edits=await _edits(session, stage.id),
        hints=list(hints.all()),
        explanations=list(explanations.all()),
    )


async def _edits(session: AsyncSession, stage_id: str) -> list[Edit]:
    """Thousands of small rows: taken as plain values, a part at a time, so that others get their turn."""
    columns = (EditRow.seq, EditRow.at_ms, EditRow.kind, EditRow.payload)
    found = select(*columns).where(EditRow.stage_id == stage_id).order_by(EditRow.seq)
    edits: list[Edit] = []
    async for part in (await session.stream(found)).partitions(AT_ONCE):
        edits.extend(Edit(*row) for row in part)
    return edits
