"""Reference loss curves: a clean shape on one sentence, run once when nobody waits, then kept."""

from __future__ import annotations

from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import Database
from app.engine.blobs import sha256
from app.engine.plain import plain
from app.engine.queue import Queue
from app.engine.unexamined import run_unexamined
from app.engine.worker import Examiner
from app.models import Curve
from sandbox import Event, Job, Limits

Points = list[list[float]]


class Curves:
    """Measures the curves that are wanted and not there yet."""

    def __init__(self, *, db: Database, queue: Queue, sandbox: Examiner, limits: Limits) -> None:
        self._db = db
        self._queue = queue
        self._sandbox = sandbox
        self._limits = limits
        self._wanted: set[tuple[str, str]] = set()  # tried once by this process, whatever came of it

    async def want(self, *, problem: str, contract: str, shape: str, sentence: str) -> None:
        """Have a curve measured in a quiet moment, unless it is known or on its way."""
        key = (sha256(shape), sha256(sentence))
        if key in self._wanted:
            return
        async with self._db.read() as session:
            if await session.get(Curve, key) is not None:
                return
        self._wanted.add(key)
        job = Job(
            kind="run",
            source=shape,
            text=sentence,
            problem=problem,
            contract=contract,
            probes="",
            shape=shape,
            limits=self._limits,
        )
        self._queue.push_background(lambda: self._measure(job, key))

    async def _measure(self, job: Job, key: tuple[str, str]) -> None:
        points: Points = []

        def hear(event: Event) -> None:
            if event.kind == "loss":
                points.extend(plain(event.data["points"]))

        await run_unexamined(self._sandbox, job, hear=hear)
        if points:
            await self._keep(key, points)

    async def _keep(self, key: tuple[str, str], points: Points) -> None:
        shape, sentence = key
        row = insert(Curve).values(shape=shape, sentence=sentence, points=points)
        async with self._db.write() as session:
            await session.execute(row.on_conflict_do_nothing())


async def known_curve(session: AsyncSession, *, shape: str, sentence: str) -> Points | None:
    """The curve of a shape's text on a sentence, when it has been measured."""
    curve = await session.get(Curve, (sha256(shape), sha256(sentence)))
    return None if curve is None else curve.points
