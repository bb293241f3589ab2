"""Answers at the gate: judged at once, with one retry each, and more time for who derives what is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access import Seat
from app.complexity.questions import BY_NAME, CORE, MEASURED, QUESTIONS, TRIES, Question, judge
from app.deadlines import require_running
from app.errors import Conflict, NotFound, StageClosed
from app.manner import Manner, gate_minutes
from app.models import Answer, Attempt, Stage
from app.web.parts import Parts

KIND = "complexity"
MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One question, with what was answered so far."""

    name: str
    title: str
    words: str
    core: bool  # whether the extra time hangs on it
    answers: list[str]
    right: bool | None  # None while nothing was answered
    told: str
    remarks: list[str]
    left: int  # tries
    why: str | None  # the derivation, once it is settled


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """The gate as it stands."""

    questions: list[Asked]
    passed: bool
    lab_opens: bool  # what is measured gives nothing away any more
    extra_minutes: int  # that it has opened
    deadline_at: int | None  # of the stage
    hour_ends: int | None


async def gate(parts: Parts, seat: Seat) -> Gate:
    """The questions of a stage. Raises NotFound for a stage of another kind."""
    async with parts.db.read() as session:
        stage = await _stage(session, seat)
        attempt = await session.get_one(Attempt, seat.attempt_id)
        return _gate(stage, attempt, await _answers(session, stage.id))


async def answer(parts: Parts, seat: Seat, *, question: str, text: str) -> Gate:
    """Judge an answer and keep it; one that can't be read counts as none.

    Raises:
        NotFound: there is no such question, or no gate.
        expressions.Unreadable: the text is no expression in T, d and L.
        Conflict: it was answered already.
        StageClosed: the stage is over, or its clock stands.
    """
    seat.require_candidate()
    if question not in BY_NAME:
        raise NotFound(f"There is no question “{question}”.", hint=f"There is: {', '.join(BY_NAME)}.")
    told = judge(BY_NAME[question], text)
    now = parts.clock.now()
    async with parts.db.write() as session:
        stage = await _stage(session, seat)
        if stage.finished_at is not None:
            raise StageClosed("This stage is over.", hint="Its derivations are told below.")
        attempt = await session.get_one(Attempt, seat.attempt_id)
        require_running(attempt, then="answer")
        before = [one for one in await _answers(session, stage.id) if one.question == question]
        if any(one.right for one in before) or len(before) >= TRIES:
            raise Conflict("This one is settled.", hint="Go on with the next.")
        session.add(
            Answer(
                stage_id=stage.id,
                question=question,
                number=len(before) + 1,
                at_ms=now,
                text=text.strip(),
                right=told.right,
            )
        )
        await session.flush()
        answers = await _answers(session, stage.id)
        if _passed(answers):
            _give_more_time(attempt)
        return _gate(stage, attempt, answers)


def opens_more(attempt: Attempt) -> bool:
    """Whether who derives the costs has more time: in an hour that goes on after them, and has a clock."""
    manner = Manner.from_json(attempt.options)
    return manner.minutes is not None and manner.stages[-1] != KIND


def _give_more_time(attempt: Attempt) -> None:
    """Once."""
    more = gate_minutes(Manner.from_json(attempt.options).minutes)
    if not opens_more(attempt) or attempt.deadline_at is None or more is None:
        return
    if "extra_minutes" in attempt.options:
        return
    attempt.deadline_at += more * MINUTE_MS
    attempt.options = {**attempt.options, "extra_minutes": more}


def _gate(stage: Stage, attempt: Attempt, answers: Sequence[Answer]) -> Gate:
    over = stage.finished_at is not None
    questions = [
        _asked(question, [one for one in answers if one.question == question.name], over=over)
        for question in QUESTIONS
    ]
    return Gate(
        questions=questions,
        passed=_passed(answers),
        lab_opens=over or all(one.left == 0 for one in questions if one.name in MEASURED),
        extra_minutes=attempt.options.get("extra_minutes", 0),
        deadline_at=stage.deadline_at,
        hour_ends=attempt.deadline_at,
    )


def _asked(question: Question, answers: Sequence[Answer], *, over: bool) -> Asked:
    last = answers[-1] if answers else None
    told = None if last is None else judge(question, last.text)
    right = None if last is None else last.right
    left = 0 if right else TRIES - len(answers)
    return Asked(
        name=question.name,
        title=question.title,
        words=question.words,
        core=question.name in CORE,
        answers=[one.text for one in answers],
        right=right,
        told="" if told is None else told.words,
        remarks=[] if told is None else list(told.remarks),
        left=left,
        why=question.why if over or left == 0 else None,
    )


def _passed(answers: Sequence[Answer]) -> bool:
    return {one.question for one in answers if one.right}.issuperset(CORE)


async def _stage(session: AsyncSession, seat: Seat) -> Stage:
    stage = await session.get_one(Stage, seat.stage)
    if stage.kind != KIND:
        raise NotFound("Nothing is derived in this stage.", hint="The complexity stage asks for costs.")
    return stage


async def _answers(session: AsyncSession, stage_id: str) -> list[Answer]:
    found = select(Answer).where(Answer.stage_id == stage_id).order_by(Answer.question, Answer.number)
    return list(await session.scalars(found))
