"""The lab of a stage: times the candidate's own model where a run showed that it holds, else a clean one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.access import Seat
from app.catalog import Catalog, plain_material
from app.complexity.lab_chart import Chart, chart
from app.complexity.lab_words import findings, sources
from app.complexity.questions import MEASURED, TRIES
from app.complexity.slopes import Name, Series, Whose, read_series
from app.engine.blobs import given_to, text_of
from app.engine.lab import Timed
from app.errors import Conflict, NotFound, Unavailable
from app.models import Answer, Lab, Run, Stage
from app.web.parts import Parts

GATE = "complexity"
KINDS = (GATE, "kv_cache")  # stages that have one
TAKE: dict[Name, tuple[str, ...]] = {"uncached": ("gpt", "kv_cache"), "cached": ("kv_cache",)}  # contracts


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One curve: times of a step by T, and how they grow."""

    name: Name
    whose: Whose
    points: list[tuple[int, float]]  # T and milliseconds
    slope: float | None  # on log-log, over all
    tail: float | None  # and over the last half
    theory: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What the lab found."""

    at: int
    lines: list[Line]
    findings: list[str]
    sources: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The same for a page: drawn, and said."""

    at: int
    chart: Chart
    findings: list[str]
    sources: list[str]


async def measure(parts: Parts, seat: Seat) -> Measured:
    """Time one step against T, without a cache and with one, and keep what came of it in the place of before.

    Raises:
        NotFound: this stage has no lab.
        Conflict: the costs of a step are still to be derived, or a measurement is under way.
        Unavailable: judging is off, or runs come first for too long.
    """
    seat.require_candidate()
    async with parts.db.read() as session:
        stage = await _stage(session, seat)
        if not await opens(session, stage):
            raise Conflict(
                "Derive both costs of a step first: the lab would tell them.",
                hint="It opens when both are answered, or when this stage is over.",
            )
        programs = await _programs(session, parts.catalog, seat)
    timed: dict[str, Timed] = {name: program for name, (program, _) in programs.items()}
    facts = await parts.engine.time_tokens(timed, user_id=seat.user_id)
    read = [read_series(facts, name=name, whose=whose) for name, (_, whose) in programs.items()]
    series = [one for one in read if one is not None]
    if not series:
        raise Unavailable("Too little could be measured.", hint="Measure again.")
    now, data = parts.clock.now(), {"series": [one.to_json() for one in series]}
    row = insert(Lab).values(stage_id=stage.id, at_ms=now, data=data)
    async with parts.db.write() as session:
        await session.execute(
            row.on_conflict_do_update(index_elements=["stage_id"], set_={"at_ms": now, "data": data})
        )
    return _measured(now, series)


async def read(parts: Parts, seat: Seat) -> Measured:
    """What was measured last. Raises NotFound where nothing was."""
    kept = await _kept(parts, seat)
    if kept is None:
        raise NotFound("Nothing was measured yet.", hint="POST to this address measures.")
    return _measured(*kept)


async def shown(parts: Parts, seat: Seat) -> Shown | None:
    """What was measured last, to be put into a page; None where nothing was."""
    kept = await _kept(parts, seat)
    if kept is None:
        return None
    at, series = kept
    return Shown(at=at, chart=chart(series), findings=findings(series), sources=sources(series))


async def opens(session: AsyncSession, stage: Stage) -> bool:
    """Whether the lab gives nothing away: both costs of a step are settled, or the stage is over."""
    if stage.kind != GATE or stage.finished_at is not None:
        return True
    found = select(Answer).where(Answer.stage_id == stage.id, Answer.question.in_(MEASURED))
    answers = list(await session.scalars(found))
    return all(
        any(one.right for one in answers if one.question == name)
        or sum(one.question == name for one in answers) >= TRIES
        for name in MEASURED
    )


def _measured(at: int, series: Sequence[Series]) -> Measured:
    lines = [
        Line(
            name=one.name,
            whose=one.whose,
            points=[(point.T, point.ms) for point in one.points],
            slope=one.slope,
            tail=one.tail,
            theory=one.theory,
        )
        for one in series
    ]
    return Measured(at=at, lines=lines, findings=findings(series), sources=sources(series))


async def _stage(session: AsyncSession, seat: Seat) -> Stage:
    stage = await session.get_one(Stage, seat.stage)
    if stage.kind not in KINDS:
        raise NotFound(
            "Nothing is measured in this stage.", hint="The complexity and KV cache stages measure."
        )
    return stage


async def _kept(parts: Parts, seat: Seat) -> tuple[int, list[Series]] | None:
    async with parts.db.read() as session:
        stage = await _stage(session, seat)
        row = await session.get(Lab, stage.id)
    return None if row is None else (row.at_ms, [Series.from_json(one) for one in row.data["series"]])


async def _programs(
    session: AsyncSession, catalog: Catalog, seat: Seat
) -> Mapping[Name, tuple[Timed, Whose]]:
    """What is timed for each curve, and whose it is."""
    found = select(Stage).where(Stage.attempt_id == seat.attempt_id).order_by(Stage.position)
    stages = list(await session.scalars(found))
    programs: dict[Name, tuple[Timed, Whose]] = {}
    for name, contracts in TAKE.items():
        fitting = [stage for stage in stages if stage.variant["contract"] in contracts]
        if own := await _own(session, fitting, seat):
            programs[name] = (own, "yours")
        elif clean := await _clean(session, catalog, stages, fitting, contract=contracts[0]):
            programs[name] = (clean, "clean")
    return programs


async def _own(session: AsyncSession, stages: Sequence[Stage], seat: Seat) -> Timed | None:
    """The candidate's program of the last run that passed, where they may know that it did."""
    seen = [one for one in stages if seat.sight_of(done=one.finished_at is not None).verdict]
    passed = (
        select(Run.stage_id, Run.code)
        .where(Run.stage_id.in_([one.id for one in seen]), Run.verdict["outcome"].as_string() == "passed")
        .order_by(Run.created_at.desc(), Run.number.desc())
        .limit(1)
    )
    row = (await session.execute(passed)).first()
    if row is None:
        return None
    given = await given_to(session, row.stage_id, "sentence")
    return Timed(source=await text_of(session, row.code), text=given["sentence"])


async def _clean(
    session: AsyncSession,
    catalog: Catalog,
    stages: Sequence[Stage],
    fitting: Sequence[Stage],
    *,
    contract: str,
) -> Timed | None:
    """What a stage was issued with, else the pack's: of the debugged one's shape, on its sentence."""
    for stage in fitting:
        given = await given_to(session, stage.id, "shape", "sentence")
        if given["shape"]:
            return Timed(source=given["shape"], text=given["sentence"])
    problem = next((one for one in catalog.problems.values() if one.contract == contract), None)
    if problem is None:
        return None
    debugged = next((one for one in stages if one.variant["contract"] == "gpt"), None)
    given = {} if debugged is None else await given_to(session, debugged.id, "sentence")
    shape = "" if debugged is None else debugged.variant["shape"]
    issued = plain_material(
        problem,
        sentence=given.get("sentence") or problem.sentence(),
        shape=shape if shape in problem.shapes else None,
    )
    return Timed(source=issued.shape, text=issued.text)
