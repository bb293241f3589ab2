"""Builds what goes into the sandbox from what a stage was given, never from today's pack."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from app.db import Database
from app.engine.blobs import given_to, text_of
from app.models import Run, Stage
from sandbox import Job, Limits
from sandbox.job import IssuedBug


@dataclass(frozen=True, slots=True)
class Asked:
    """A run as it was asked for, and when."""

    job: Job
    created_at: int
    started_at: int


async def load_job(db: Database, run_id: str, *, limits: Limits) -> Asked:
    """The job of a run that has been started."""
    async with db.read() as session:
        found = select(Run, Stage).join(Stage, Stage.id == Run.stage_id).where(Run.id == run_id)
        run, stage = (await session.execute(found)).one()
        source = await text_of(session, run.code)
        given = await given_to(session, stage.id, "sentence", "probes", "shape", "bugs")
    job = Job(
        kind="run" if run.kind == "run" else "check",
        source=source,
        text=given["sentence"],
        problem=stage.problem,
        contract=stage.variant.get("contract", "gpt"),
        probes=given["probes"],
        shape=given["shape"],
        bugs=tuple(issued(bug) for bug in json.loads(given["bugs"])),
        pack_digest=stage.variant.get("pack_digest", ""),
        limits=limits,
    )
    return Asked(job=job, created_at=run.created_at, started_at=run.started_at or run.created_at)


def issued(bug: dict[str, Any]) -> IssuedBug:
    """What the judge needs to know of a bug that was kept with a stage.

    Rounds of before it was kept apart are judged by the bug's own fields.
    """
    judged = bug.get("judged", bug)
    return IssuedBug(
        id=judged["id"],
        component=judged["component"],
        properties=tuple(judged["properties"]),
        find=judged["find"],
        replace=judged["replace"],
        crashes=judged.get("crashes", False),
    )
