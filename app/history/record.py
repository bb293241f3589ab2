"""All that is kept of one stage of an attempt, read at once: what the review is made of."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.engine.blobs import given_to
from app.errors import NotFound
from app.history.replay import Edit
from app.models import Attempt, Blob, Explanation, HintUse, Run, Stage
from app.models import Edit as EditRow

AT_ONCE = 200  # rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Rows and texts as they were kept; nothing is left out, so nothing of it may leave unfiltered."""

    attempt: Attempt
    stages: list[Stage]  # all that were reached, in their order
    stage: Stage  # the one that this is of
    starter: str
    shape: str
    bugs: list[dict[str, Any]]  # in slot order
    runs: list[Run]
    sources: dict[str, str]  # by hash
    edits: list[Edit]
    hints: list[HintUse]
    explanations: list[Explanation]

    @property
    def start(self) -> int:
        """When the hour began: all times are told since then."""
        return self.stages[0].started_at

    @property
    def begins_ms(self) -> int:
        return self.stage.started_at - self.start

    @property
    def is_over(self) -> bool:
        return self.stage.finished_at is not None or self.attempt.state != "open"

    def ended_at(self, now: int) -> int:
        """When the stage ended, or `now` while it goes on."""
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


async def load_record(session: AsyncSession, attempt_id: str, *, position: int = 0) -> Record:
    """The record of a stage of an attempt that is there. Raises NotFound for a stage that was not reached."""
    attempt = await session.get_one(Attempt, attempt_id)
    found = select(Stage).where(Stage.attempt_id == attempt_id).order_by(Stage.position)
    stages = list(await session.scalars(found))
    if not 0 <= position < len(stages):
        raise NotFound(f"Stage {position} was not reached.", hint=f"There is: 0 to {len(stages) - 1}.")
    stage = stages[position]
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
        stages=stages,
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
