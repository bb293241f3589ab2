"""The rhythm of an hour: which stages follow one another, and how long each may take.

An interviewer asks for the derivation before the cache is coded, gives who can derive it more time, and draws
the follow-up: the cache three times in four. With time left the other one follows.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from app.manner import Mode, gate_minutes
from app.models import Attempt

StageKind = Literal["debug", "complexity", "kv_cache", "classifier", "token_classifier"]
FOLLOW_UPS: tuple[StageKind, ...] = ("kv_cache", "classifier", "token_classifier")
TITLES: dict[str, str] = {
    "debug": "Debug",
    "complexity": "Complexity",
    "kv_cache": "KV cache",
    "classifier": "Classifier",
    "token_classifier": "Token head",
}
ALONE_MINUTES: dict[str, int] = {"complexity": 10, "kv_cache": 30, "classifier": 20, "token_classifier": 20}
HOUR = "hour"  # in the lobby's form: every stage; with `_kv_cache` after it, that one as the follow-up
CACHE_FIRST = 0.75
LEAST_MS = 60_000  # a stage is not opened for less
MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One stage of an hour, as its header shows it; what is to come may not be told yet."""

    title: str
    kind: str | None
    state: Literal["done", "now", "next"]
    stage_id: str | None


def plan_for(mode: Mode, *, problem_is_debugged: bool, seed: int) -> tuple[StageKind, ...]:
    """What follows where nothing was wished: in a mock of the debug round the whole hour, else nothing."""
    return whole_hour(seed=seed) if mode == "mock" and problem_is_debugged else ("debug",)


def whole_hour(*, seed: int) -> tuple[StageKind, ...]:
    """All that an hour may hold; the seed draws which follow-up comes first."""
    cache_first = random.Random(f"follow-up/{seed}").random() < CACHE_FIRST
    drawn: tuple[StageKind, ...] = ("kv_cache", "classifier") if cache_first else ("classifier", "kv_cache")
    return ("debug", "complexity", *drawn)


def stages_of(choice: str, *, seed: int) -> Sequence[str]:
    """A form's choice: the whole hour, one with a follow-up of one's choice, or stages by their names."""
    if choice == HOUR:
        return whole_hour(seed=seed)
    first, _, follow_up = choice.partition(f"{HOUR}_")
    if first or not follow_up:
        return choice.split()
    return ("debug", "complexity", follow_up, "classifier" if follow_up == "kv_cache" else "kv_cache")


def deadline_of(
    kind: str, *, now: int, hour_ends: int | None, minutes: int | None, alone: bool
) -> int | None:
    """When a stage that is opened now is over: with its hour, and a gate of an hour sooner."""
    if hour_ends is None:
        return None
    allowed = gate_minutes(minutes)
    if kind == "complexity" and not alone and allowed is not None:
        return min(hour_ends, now + allowed * MINUTE_MS)
    return hour_ends


def next_kind(attempt: Attempt, *, opened: int, now: int) -> str | None:
    """What comes after so many stages, while there is time for it."""
    plan: Sequence[str] = attempt.options.get("stages") or ("debug",)
    if opened >= len(plan):
        return None
    if attempt.deadline_at is not None and attempt.deadline_at - now < LEAST_MS:
        return None
    return plan[opened]


def steps(
    plan: Sequence[str], *, stages: Sequence[tuple[str, bool]], is_over: bool, tells_all: bool
) -> list[Step]:
    """The plan as it stands: `stages` are the opened ones, each with whether it is done."""
    found = []
    for place, kind in enumerate(plan):
        if place < len(stages):
            stage_id, done = stages[place]
            state: Literal["done", "now"] = "done" if done else "now"
            found.append(Step(title=TITLES[kind], kind=kind, state=state, stage_id=stage_id))
        elif not is_over:
            told = tells_all or kind not in FOLLOW_UPS
            title = TITLES[kind] if told else "Follow-up"
            found.append(Step(title=title, kind=kind if told else None, state="next", stage_id=None))
    return found
