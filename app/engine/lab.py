"""Times programs in the jail, by the length of the context, when no run waits; knows nothing of stages."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import structlog

import sandbox as walls
from app.engine.plain import plain
from app.engine.queue import Queue
from app.engine.unexamined import run_unexamined
from app.engine.worker import Examiner
from app.errors import Conflict, Unavailable
from sandbox import Event, Job, Limits

PREFIX = "lab "  # as sandbox/lab.py has it
WALL_S = 5.0  # of one program's process; it ends by itself after some 2 s
PATIENCE_S = 13.0  # a browser gives up on an answer after 15
DRIVER_BYTES = 32 << 10
MOST_LINES = 200

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """A program, and the text that its `train` is given."""

    source: str
    text: str


class Lab:
    """One measurement at a time on this machine, and one a person in line for it."""

    def __init__(self, *, queue: Queue, sandbox: Examiner, limits: Limits) -> None:
        self._queue = queue
        self._sandbox = sandbox
        self._limits = limits
        self._people: set[str] = set()

    async def measure(self, programs: Mapping[str, Timed], *, user_id: str) -> list[dict[str, Any]]:
        """What was said of `uncached` and `cached`, as far as it came.

        Raises:
            Conflict: this person has a measurement under way.
            Unavailable: its turn did not come, or it said nothing.
        """
        if user_id in self._people:
            raise Conflict("A measurement of yours is under way.", hint="It takes some five seconds.")
        told: asyncio.Future[list[dict[str, Any]]] = asyncio.get_running_loop().create_future()
        jobs = [self._job(name, program) for name, program in programs.items()]

        async def work() -> None:
            facts: list[dict[str, Any]] = []
            if told.done():  # whoever asked has given up
                return
            try:
                for job in jobs:
                    facts += await self._facts(job)
            finally:
                if not told.done():
                    told.set_result(facts)

        self._people.add(user_id)
        try:
            self._queue.push_background(work, first=True)
            async with asyncio.timeout(PATIENCE_S):
                facts = await told
        except TimeoutError:
            raise Unavailable("No moment was free: runs come first.", hint="Measure in a minute.") from None
        finally:
            self._people.discard(user_id)
        if not any("T" in fact for fact in facts):
            raise Unavailable("Nothing could be measured.", hint="Measure again.")
        return facts

    def _job(self, name: str, program: Timed) -> Job:
        """Each program is alone in its process: what one is must not be read by the other."""
        given = {name: asdict(program)}
        most = DRIVER_BYTES + 4 * self._limits.source_bytes  # a text within a text is longer
        return Job(
            kind="run",
            source=f"{_driver()}\n\nmain({given!a})\n",
            text="",
            problem="lab",
            probes="",
            shape="",
            filename="lab.py",
            limits=replace(self._limits, wall_s=min(WALL_S, self._limits.wall_s), source_bytes=most),
        )

    async def _facts(self, job: Job) -> list[dict[str, Any]]:
        heard: list[str] = []

        def hear(event: Event) -> None:
            if event.kind == "output" and event.data["stream"] == "stdout":
                heard.append(event.data["text"])

        outcome = await run_unexamined(self._sandbox, job, hear=hear)
        if outcome is not None and outcome.fault:
            logger.warning("a measurement did not run", reason=outcome.fault)
        return facts_in("".join(heard))


def facts_in(output: str) -> list[dict[str, Any]]:
    """The facts among what was printed; a program may print what it likes, so nothing is believed of them."""
    lines = [line.removeprefix(PREFIX) for line in output.splitlines() if line.startswith(PREFIX)]
    found = [_read(line) for line in lines[:MOST_LINES]]
    return [fact for fact in found if isinstance(fact, dict)]


def _read(line: str) -> Any:
    try:
        return plain(json.loads(line))
    except (
        ValueError,
        RecursionError,
    ):  # what is nested deeply may be read and still be too deep to go through
        return None


@cache
def _driver() -> str:
    return (Path(walls.__file__).parent / "lab.py").read_text(encoding="utf-8")
