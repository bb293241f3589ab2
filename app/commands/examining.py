"""A warm sandbox without the server: jobs from a pack's material, several examined at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import fields

from app.catalog import Material
from app.engine.judge import limits, local_judge
from app.engine.worker import Examiner
from app.errors import Unavailable
from app.settings import Settings
from sandbox import Event, Job, Outcome
from sandbox import Unavailable as NoSandbox
from sandbox.job import IssuedBug


@asynccontextmanager
async def warm_sandbox(settings: Settings) -> AsyncIterator[Examiner]:
    """A started sandbox. Raises Unavailable, with what to type, where there can be none."""
    sandbox, judge = local_judge(settings)
    if sandbox is None:
        raise Unavailable(judge.message, hint=judge.hint)
    try:
        await sandbox.start()
        yield sandbox
    except NoSandbox as error:
        raise Unavailable(f"There is no sandbox: {error}.", hint="Type: overfit doctor.") from error
    finally:
        await sandbox.close()


async def outcomes(sandbox: Examiner, jobs: Sequence[Job]) -> AsyncIterator[Outcome]:
    """The outcomes in the jobs' order, as soon as each is there; the sandbox decides how many run at once."""
    tasks = [asyncio.create_task(_examine(sandbox, job)) for job in jobs]
    try:
        for task in tasks:
            yield await task
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def job_for(
    material: Material,
    *,
    source: str,
    settings: Settings,
    only: Sequence[str] = (),
    filename: str | None = None,
) -> Job:
    """A check of a source against a pack's material; of all properties, or of some with what they need."""
    return Job(
        kind="check",
        source=source,
        text=material.text,
        problem=material.problem,
        contract=material.contract,
        probes=material.probes,
        shape=material.shape,
        bugs=tuple(
            IssuedBug(**{field.name: getattr(bug, field.name) for field in fields(IssuedBug)})
            for bug in material.bugs
        ),
        only=tuple(only),
        pack_digest=material.pack_digest,
        filename=filename or material.filename,
        limits=limits(settings),
    )


async def _examine(sandbox: Examiner, job: Job) -> Outcome:
    outcome = await sandbox.examine(job, emit=_ignore)
    return await sandbox.examine(job, emit=_ignore) if outcome.lost else outcome


async def _ignore(event: Event) -> None:
    """What happens on the way is not told: the command line waits for the verdict."""
