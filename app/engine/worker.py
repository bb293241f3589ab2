"""Takes a run through the sandbox: its job from the stage's texts, its events into the log, its verdict.

Nothing here blocks: the sandbox's processes do the work, torch is never imported here. The engine is the
only package on the web's side that knows the sandbox.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import structlog

from app.clock import Clock
from app.engine.batch import Batch
from app.engine.jobs import load_job
from app.engine.log import Ended, Entry, RunLog, Superseded
from app.engine.plain import plain
from app.engine.sparkline import sparkline
from app.metrics import Metrics
from sandbox import Event, Job, Limits, Outcome
from sandbox.job import FORMAT, JUDGE_VERSION

AUDIENCE = {
    "property": "judged",
    "verdict": "judged",
    "bug": "judged",
}  # kinds that tell of the judgement; others are for all
PATIENCE_S = 60.0  # beyond its own limits, which include neither a restart nor the wait for a slot

Losses = list[float | None]  # None where a loss was not a finite number

logger = structlog.get_logger(__name__)

OUR_FAULT = "We could not judge this. Nothing was counted; your draft is safe. Run it again."


class Examiner(Protocol):
    """What the engine asks of a sandbox; `sandbox.Sandbox` is the one that is served."""

    @property
    def level(self) -> str: ...
    @property
    def ready(self) -> bool: ...
    @property
    def failure(self) -> str: ...
    async def start(self) -> None: ...
    async def warm(self) -> None: ...
    async def examine(self, job: Job, *, emit: Callable[[Event], Awaitable[None]]) -> Outcome: ...
    async def close(self) -> None: ...


class Worker:
    """Executes one run at a time for each task that calls `execute`."""

    def __init__(
        self, *, sandbox: Examiner, log: RunLog, limits: Limits, clock: Clock, metrics: Metrics
    ) -> None:
        self._sandbox = sandbox
        self._log = log
        self._limits = limits
        self._clock = clock
        self._metrics = metrics

    async def execute(self, run_id: str) -> None:
        """Claim a run, take it to its end, and say so in the log whatever happens."""
        try_no = await self._log.start(run_id)
        if try_no is None:
            return
        try:
            await self._execute(run_id, try_no)
        except Superseded:
            logger.info("a run was ended from outside", run=run_id)
        except Exception:
            logger.exception("a run could not be judged", run=run_id)
            await self._log.end_unless_ended(run_id, Ended(state="error", message=OUR_FAULT))

    async def _execute(self, run_id: str, try_no: int) -> None:
        asked = await load_job(self._log.db, run_id, limits=self._limits)
        self._metrics.wait_seconds.observe((asked.started_at - asked.created_at) / 1000)
        losses: Losses = []
        outcome = await self._examine(asked.job, run_id, try_no, losses)
        if outcome.lost:
            self._metrics.lost.inc()
            losses.clear()
            try_no = await self._log.start_again(run_id, try_no)
            outcome = await self._examine(asked.job, run_id, try_no, losses)
        ended = _ended(outcome, asked.job, losses)
        await self._log.finish(run_id, try_no, ended)
        self._count(asked.job.kind, ended, seconds=(self._clock.now() - asked.started_at) / 1000)

    async def _examine(self, job: Job, run_id: str, try_no: int, losses: Losses) -> Outcome:
        so_far: dict[str, Any] | None = (
            None  # the verdict on the whole file, while grafts speak for some bugs
        )
        batch = Batch(lambda entries: self._log.append(run_id, try_no, entries, verdict=so_far))

        async def emit(event: Event) -> None:
            nonlocal so_far
            data = plain(event.data)
            if event.kind == "verdict":
                so_far = data
            elif event.kind == "bug" and so_far is not None:
                so_far = _with_bug(so_far, data)
            if event.kind == "loss":
                losses.extend(value for _step, value in data["points"])
            elif event.kind == "status":
                if data["phase"] == "starting":  # as the log has said since the run was claimed
                    return
                data = {"state": "running", **data}
            await batch.add(Entry(event.kind, data, AUDIENCE.get(event.kind, "all")))

        try:
            async with asyncio.timeout(self._limits.examine_s + self._limits.wall_s + PATIENCE_S):
                outcome = await self._sandbox.examine(job, emit=emit)
            await batch.close()
        except BaseException:
            await batch.abandon()
            raise
        return outcome

    def _count(self, kind: str, ended: Ended, *, seconds: float) -> None:
        outcome = "" if ended.verdict is None else str(ended.verdict["outcome"])
        self._metrics.runs.labels(kind, ended.state, outcome).inc()
        self._metrics.run_seconds.labels(kind).observe(seconds)


def _with_bug(verdict: dict[str, Any], told: dict[str, Any]) -> dict[str, Any]:
    """The verdict with the new status of one bug."""
    bugs = [{**bug, **told} if bug["id"] == told["id"] else bug for bug in verdict["bugs"]]
    return {**verdict, "bugs": bugs}


def _ended(outcome: Outcome, job: Job, losses: Losses) -> Ended:
    shown = sparkline(losses)
    if outcome.lost:
        verdict = _killed(job, level=outcome.level)
        return Ended(state="done", message=verdict["failure"]["message"], verdict=verdict, losses=shown)
    if outcome.verdict is None:
        return Ended(state="error", message=plain(outcome.fault) or OUR_FAULT, losses=shown)
    verdict = plain(outcome.verdict)
    failure = verdict.get("failure") or {}
    return Ended(state="done", message=failure.get("message"), verdict=verdict, losses=shown)


def _second_criterion(job: Job) -> dict[str, Any]:
    """Not met: generation, or accuracy where there is no text to learn."""
    if job.text:
        return {"generation": {"passed": False, "expected": job.text, "got": None}}
    return {"accuracy": {"passed": False, "measured": None, "expected": None}}


def _killed(job: Job, *, level: str) -> dict[str, Any]:
    """The verdict on a file under which the sandbox died twice: it is the file that kills it."""
    return {
        "format": FORMAT,
        "problem": job.problem,
        "kind": job.kind,
        "outcome": "failed",
        "criteria": {
            "loss_drop": {"passed": False, "first": None, "last": None},
            **_second_criterion(job),
        },
        "properties": [],
        "bugs": [{"id": bug.id, "status": "blocked", "properties": list(bug.properties)} for bug in job.bugs],
        "notes": [],
        "failure": {
            "kind": "killed",
            "message": "The process that ran this was killed, twice. Look for what takes it down: "
            "memory, threads, or a call into the system.",
            "line": None,
            "traceback": None,
        },
        "level": level,
        "judge_version": JUDGE_VERSION,
        "pack_digest": job.pack_digest,
        "torch": None,
        "timings": {},
    }
