"""Runs a program for what it does while it runs; nothing of it is judged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from app.engine.worker import Examiner
from sandbox import Event, Job, Outcome


async def run_unexamined(sandbox: Examiner, job: Job, *, hear: Callable[[Event], None]) -> Outcome | None:
    """Runs a job's source and cuts off its examination; an outcome where it did not come to that."""
    examining = asyncio.Event()

    async def emit(event: Event) -> None:
        hear(event)
        if event.kind == "status" and event.data.get("phase") == "examining":
            examining.set()

    task = asyncio.ensure_future(sandbox.examine(job, emit=emit))
    cut = asyncio.ensure_future(examining.wait())
    try:
        await asyncio.wait((task, cut), return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else None
    finally:
        task.cancel()
        cut.cancel()
        await asyncio.gather(task, cut, return_exceptions=True)
