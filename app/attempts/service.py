"""Attempts: drawn, opened, read, finished, revealed."""

from __future__ import annotations

import asyncio
import json
import random
import secrets
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select, update

from app.access import Seat, seat_in_attempt
from app.attempts.opening import Opening, of_follow_up, of_gate, of_starter
from app.attempts.plan import ALONE_MINUTES, StageKind, deadline_of, plan_for
from app.attempts.views import AttemptView, Key, RevealedBug, attempt_view, stage_view
from app.catalog import Catalog, Problem, Starter, Variant, choose, compose, compose_blank, draw
from app.engine.blobs import give, given_to, keep
from app.engine.curves import known_curve
from app.errors import Forbidden
from app.identity import ensure_user
from app.manner import Manner, Mode, manner_of
from app.models import Answer, Attempt, Member, Run, Stage, new_id
from app.web.markdown import as_html
from app.web.parts import Parts

MINUTE_MS = 60_000
SCRATCH_MINUTES = 60
TIERS = {"practice": "reported", "mock": "reported", "drill": "drill"}
SEEDS = 1 << 31


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a person asks for; None leaves it to the tier, or to chance."""

    mode: Mode = "practice"
    problem: str = "gpt"
    tier: str | None = None
    family: str | None = None  # of bugs, for a drill
    shape: str | None = None
    seed: int | None = None
    marks: bool | None = None
    guided: bool | None = None
    minutes: int | None = None
    untimed: bool = False
    budget: int | None = None
    unlimited: bool = False  # no budget of runs, whatever the mode begins with
    slow: bool | None = None
    stages: tuple[StageKind, ...] | None = None  # in their order; None: the mode's


async def create(parts: Parts, *, user_id: str, wish: Wish) -> AttemptView:
    """Draw a variant and open an attempt on it.

    Raises:
        NotFound: there is no such problem or tier.
        BadInput: nothing can be drawn as wished.
    """
    had = await _had_by(parts, user_id) if wish.seed is None else []
    opening = await asyncio.to_thread(_open, parts.catalog, wish, had)
    now, attempt_id = parts.clock.now(), new_id()
    manner = _manner(parts.catalog, wish, opening)
    async with parts.db.write() as session:
        await ensure_user(session, user_id, now=now)
        attempt, stage = _rows(opening, wish, manner, attempt_id=attempt_id, now=now)
        await keep(session, opening.texts["starter"])
        session.add_all([attempt, stage])
        await session.flush()
        await give(session, stage.id, opening.texts)
        session.add(
            Member(attempt_id=attempt_id, user_id=user_id, role="candidate", position=0, joined_at=now)
        )
    return await read(parts, await _seat(parts, attempt_id, user_id))


async def read(parts: Parts, seat: Seat) -> AttemptView:
    """The attempt as its member may see it now."""
    async with parts.db.read() as session:
        attempt = await session.get_one(Attempt, seat.attempt_id)
        found = select(Stage).where(Stage.attempt_id == seat.attempt_id).order_by(Stage.position)
        stages, wanted = [], []
        for stage in await session.scalars(found):
            seen = seat.sight_of(done=stage.finished_at is not None)
            given = await given_to(session, stage.id, "starter", "statement", "sentence", "shape")
            runs = await session.scalars(select(Run).where(Run.stage_id == stage.id).order_by(Run.number))
            curve = await known_curve(session, shape=given["shape"], sentence=given["sentence"])
            stages.append(stage_view(stage, seen, given=given, runs=runs.all(), curve=curve))
            if curve is None and seen.verdict and given["shape"]:
                wanted.append((stage.problem, stage.variant["contract"], given["shape"], given["sentence"]))
    for problem, contract, shape, sentence in wanted:
        await parts.engine.want_curve(problem=problem, contract=contract, shape=shape, sentence=sentence)
    return attempt_view(attempt, seat, now=parts.clock.now(), stages=stages)


async def finish(parts: Parts, seat: Seat) -> AttemptView:
    """End an attempt; one in which nothing was run or answered counts as abandoned. Finished ones stay."""
    seat.require_candidate()
    now = parts.clock.now()
    async with parts.db.write() as session:
        tried = [
            select(Run.id).join(Stage).where(Stage.attempt_id == seat.attempt_id).limit(1),
            select(Answer.stage_id).join(Stage).where(Stage.attempt_id == seat.attempt_id).limit(1),
        ]
        found = [await session.scalar(one) for one in tried]
        state = "finished" if any(found) else "abandoned"
        await session.execute(
            update(Attempt)
            .where(Attempt.id == seat.attempt_id, Attempt.state == "open")
            .values(state=state, finished_at=now)
        )
        await session.execute(
            update(Stage)
            .where(Stage.attempt_id == seat.attempt_id, Stage.finished_at.is_(None))
            .values(finished_at=now)
        )
    return await read(parts, await _seat(parts, seat.attempt_id, seat.user_id))


async def reveal(parts: Parts, seat: Seat) -> Key:
    """Tell the key, and write down when it was told first.

    Raises:
        Forbidden: a mock is still going on.
    """
    if seat.mode == "mock" and not seat.sight.key:
        raise Forbidden("The key of a mock is told after its end.", hint="Finish the attempt first.")
    async with parts.db.write() as session:
        await session.execute(
            update(Attempt)
            .where(Attempt.id == seat.attempt_id, Attempt.revealed_at.is_(None))
            .values(revealed_at=parts.clock.now())
        )
    return await key_of(parts, seat.attempt_id)


async def key_of(parts: Parts, attempt_id: str) -> Key:
    """The key of an attempt, as it was issued; whether it may be told is the caller's to know."""
    async with parts.db.read() as session:
        stage_id = (
            await session.scalars(
                select(Stage.id).where(Stage.attempt_id == attempt_id).order_by(Stage.position).limit(1)
            )
        ).one()
        given = await given_to(session, stage_id, "bugs", "shape")
    bugs = [_revealed(bug) for bug in json.loads(given["bugs"])]
    return Key(bugs=bugs, shape=given["shape"])


def _revealed(bug: dict[str, Any]) -> RevealedBug:
    return RevealedBug(
        slot=bug["slot"],
        id=bug["id"],
        title=bug["title"],
        component=bug["component"],
        mechanism=bug["mechanism"],
        why=bug["why"],
        line=bug["line"],
        clean=bug["find"],
        bugged=bug["replace"],
        debrief=bug["debrief"],
        debrief_html=as_html(bug["debrief"]),
        source=bug.get("source", ""),  # rounds issued before bugs had one have none
    )


async def _had_by(parts: Parts, user_id: str) -> list[Variant]:
    found = select(Attempt.variant).join(Member).where(Member.user_id == user_id)
    async with parts.db.read() as session:
        return [Variant.from_json(variant) for variant in await session.scalars(found)]


def _open(catalog: Catalog, wish: Wish, had: list[Variant]) -> Opening:
    """The first stage of what was wished."""
    seed = secrets.randbelow(SEEDS) if wish.seed is None else wish.seed
    first = wish.stages[0] if wish.stages else "debug"
    if first == "complexity":
        return of_gate(seed=seed)
    if first != "debug":
        return of_follow_up(catalog.problem(first), seed=seed, shape=wish.shape)
    problem = catalog.problem(wish.problem)
    return of_starter(problem, _compose(catalog, problem, wish, had, seed))


def _compose(catalog: Catalog, problem: Problem, wish: Wish, had: list[Variant], seed: int) -> Starter:
    if wish.mode == "scratch":
        nothing = choose(problem, bugs=(), seed=seed, shape=wish.shape, marks=False, tier="scratch")
        return compose_blank(problem, nothing)
    variant = draw(
        catalog,
        problem=wish.problem,
        tier=wish.tier or _usual_tier(catalog, wish),
        seed=seed,
        shape=wish.shape,
        marks=_marks(wish, seed),
        family=wish.family,
        avoid=had,
    )
    return compose(problem, variant)


def _usual_tier(catalog: Catalog, wish: Wish) -> str:
    """The mode's, where the problem has it; else the problem's first."""
    names = [tier.name for tier in catalog.tiers_of(wish.problem)]
    usual = TIERS[wish.mode]
    return usual if usual in names or not names else names[0]


def _marks(wish: Wish, seed: int) -> bool | None:
    """As wished; in a mock they are drawn, as interviewers differ; else the tier's."""
    if wish.marks is not None or wish.mode != "mock":
        return wish.marks
    return random.Random(f"marks/{seed}").random() < 0.5


def _rows(
    opening: Opening, wish: Wish, manner: Manner, *, attempt_id: str, now: int
) -> tuple[Attempt, Stage]:
    """The attempt and its first stage."""
    minutes = manner.minutes
    ends = None if minutes is None else now + minutes * MINUTE_MS
    attempt = Attempt(
        id=attempt_id,
        mode=wish.mode,
        variant={name: opening.variant[name] for name in Variant.__slots__},
        options=manner.to_json(),
        state="open",
        created_at=now,
        deadline_at=ends,
    )
    alone = len(manner.stages) < 2
    deadline = deadline_of(opening.kind, now=now, hour_ends=ends, minutes=minutes, alone=alone)
    return attempt, opening.stage(attempt_id=attempt_id, position=0, now=now, deadline_at=deadline)


def _manner(catalog: Catalog, wish: Wish, opening: Opening) -> Manner:
    """What the mode begins with, changed by what was wished."""
    usual, rules = manner_of(wish.mode), catalog.tiers.get(opening.variant["tier"])
    stages = _stages(catalog, wish, opening)
    minutes = wish.minutes or (rules.minutes if rules else _minutes_of(opening.kind)) or None
    guided = wish.guided if wish.guided is not None else rules is not None and rules.guided
    return replace(
        usual,
        minutes=None if wish.untimed else minutes,
        guided=guided,
        budget=None if wish.unlimited else wish.budget or usual.budget,
        slow=usual.slow if wish.slow is None else wish.slow,
        stages=stages,
    )


def _stages(catalog: Catalog, wish: Wish, opening: Opening) -> tuple[str, ...]:
    if wish.stages is not None:
        return wish.stages
    if opening.kind != "debug":
        return (opening.kind,)
    followed = {problem.follows for problem in catalog.problems.values()} - {""}
    return plan_for(wish.mode, problem_is_debugged=opening.problem in followed, seed=opening.variant["seed"])


def _minutes_of(kind: str) -> int:
    return ALONE_MINUTES.get(kind, SCRATCH_MINUTES)


async def _seat(parts: Parts, attempt_id: str, user_id: str) -> Seat:
    async with parts.db.read() as session:
        return await seat_in_attempt(session, attempt_id, user_id=user_id)
