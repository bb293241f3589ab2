"""Doubles for tests of the app: a sandbox that follows a script, a clock that stands still, a small pack."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from sandbox import Event, Job, Outcome

Emit = Callable[[Event], Awaitable[None]]
Script = Callable[[Job, Emit], Awaitable[Outcome]]

SHAPE = '''"""A clean program."""

SENTENCE = "the quick brown fox jumps"


def first(x):
    return x + 1


def second(x):
    return x * 2


def third(x):
    return x - 3


if __name__ == "__main__":
    print(first(second(third(SENTENCE.count("o")))))
'''

PACK = """
format = 1
order = ["tiny"]

[[tiers]]
name = "reported"
title = "As reported"
summary = "Two bugs."
marks = true
minutes = 60
guided = false
max_crashes = 0

[[tiers.picks]]
families = ["one"]

[[tiers.picks]]
families = ["two"]

[[tiers]]
name = "warm-up"
title = "Warm-up"
summary = "One bug."
marks = true
minutes = 5
guided = true
max_crashes = 0

[[tiers.picks]]
families = ["one"]
"""

DRILL = """
[[tiers]]
name = "drill"
title = "Drill"
summary = "One bug of any kind."
marks = false
minutes = 5
guided = false
max_crashes = 1
picks = [{}]
"""

BLANK = '''"""Nothing but the contract."""

SENTENCE = "the quick brown fox jumps"
'''

PROBLEM = """
format = 1
title = "Tiny"
summary = "A tiny program."
filename = "tiny.py"
contract = "gpt"
shapes = ["tiny"]

[sentences]
fox = "the quick brown fox jumps"
dog = "over the lazy dog it jumps"
sea = "she sells sea shells ashore"
"""

BUG = """
[[bugs]]
id = "{name}"
title = "Title of {name}"
family = "{family}"
component = "{component}"
mechanism = "mechanism of {name}"
properties = ["{name}_property"]
symptom = "flat"
difficulty = "loud"
why = "why of {name}"
hints = ["first hint {component}", "second hint {component}", "third hint {component}"]
"""

PATCH = """
[{name}]
find = "{find}"
replace = "{replace}"
mark = "{mark}"
"""

_BUGS = [
    dict(zip(("name", "family", "component", "find", "replace", "mark"), row, strict=True))
    for row in (
        ("added-twice", "one", "attention", "x + 1", "x + 2", "first"),
        ("never-added", "one", "attention", "x + 1", "x - 1", "first"),
        ("halved", "two", "loss", "x * 2", "x / 2", "second"),
        ("squared", "two", "loss", "x * 2", "x * x", "second"),
    )
]
BUGS = "format = 1\n" + "".join(BUG.format(**bug) for bug in _BUGS)
PATCHES = "format = 1\n" + "".join(PATCH.format(**bug) for bug in _BUGS)
BUG_IDS = tuple(bug["name"] for bug in _BUGS)


def write_pack(folder: Path) -> Path:
    """A pack of one tiny problem with four bugs and two tiers."""
    tiny = folder / "tiny"
    (tiny / "shapes").mkdir(parents=True)
    (folder / "pack.toml").write_text(PACK + DRILL)
    (tiny / "problem.toml").write_text(PROBLEM)
    (tiny / "bugs.toml").write_text(BUGS)
    (tiny / "shapes" / "tiny.py").write_text(SHAPE)
    (tiny / "shapes" / "tiny.toml").write_text(PATCHES)
    (tiny / "statement.md").write_text("# Tiny\n\nFind the **bugs**.\n")
    (tiny / "interviewer.md").write_text("For the interviewer.\n")
    (tiny / "blank.py").write_text(BLANK)
    (tiny / "probes.py").write_text('"""No probes."""\n')
    (tiny / "debrief.md").write_text("".join(f"## {name}\n\nDebrief of {name}.\n\n" for name in BUG_IDS))
    return folder


FOLLOW_UP = """
format = 1
title = "A cache for Tiny"
summary = "It goes on from the tiny program."
filename = "tiny.py"
contract = "kv_cache"
follows = "tiny"
shapes = ["tiny"]

[sentences]
fox = "the quick brown fox jumps"
"""

GIVEN = '''def check_parity():
    """Yours to write."""
'''


def write_follow_up(folder: Path) -> None:
    """A problem `kv_cache` in the pack of a folder, that goes on from its tiny one."""
    cache = folder / "kv_cache"
    (cache / "shapes").mkdir(parents=True)
    pack = folder / "pack.toml"
    pack.write_text(pack.read_text().replace('order = ["tiny"]', 'order = ["tiny", "kv_cache"]'))
    solved = SHAPE.replace("\n\nif __name__", f"\n\n{GIVEN}\n\nif __name__")
    (cache / "problem.toml").write_text(FOLLOW_UP)
    (cache / "bugs.toml").write_text("format = 1\nbugs = []\n")
    (cache / "given.py").write_text(GIVEN)
    (cache / "shapes" / "tiny.py").write_text(solved)
    (cache / "shapes" / "tiny.toml").write_text("format = 1\n")
    (cache / "statement.md").write_text("# Cache\n\nAdd a **cache**.\n")
    (cache / "interviewer.md").write_text("For the interviewer.\n")
    (cache / "probes.py").write_text('"""No probes."""\n')
    (cache / "debrief.md").write_text("")


class SteppingClock:
    """A clock that tests move."""

    def __init__(self, now: int = 1_700_000_000_000) -> None:
        self.at = now

    def now(self) -> int:
        return self.at

    def pass_time(self, *, seconds: float) -> None:
        self.at += int(seconds * 1000)


class FakeSandbox:
    """Follows `script` for each job; by default prints, reports three losses and fails the program."""

    def __init__(self) -> None:
        self.level = "namespaces"
        self.ready = False
        self.failure = ""
        self.script: Script = failing
        self.jobs: list[Job] = []  # what people asked for
        self.curves: list[Job] = []  # clean shapes, run for their losses
        self.may_start = asyncio.Event()
        self.may_start.set()
        self.cancelled = 0
        self.closed = False

    async def start(self) -> None:
        if self.failure:
            raise RuntimeError(self.failure)

    async def warm(self) -> None:
        await self.may_start.wait()
        self.ready = True

    async def examine(self, job: Job, *, emit: Emit) -> Outcome:
        if job.source == job.shape:
            self.curves.append(job)
            return await failing(job, emit)
        self.jobs.append(job)
        try:
            return await self.script(job, emit)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise

    async def close(self) -> None:
        self.closed = True


async def failing(job: Job, emit: Emit) -> Outcome:
    await emit(Event("status", {"phase": "running"}))
    await emit(Event("output", {"stream": "stdout", "text": "step 0\n"}))
    await emit(Event("output", {"stream": "stdout", "text": "step 1\n"}))
    await emit(Event("loss", {"points": [[0, 3.0], [1, 1.5], [2, 0.2]]}))
    await emit(Event("status", {"phase": "examining"}))
    await emit(Event("property", property_entry("causal", "broken")))
    return Outcome(verdict=verdict(job, outcome="failed"), level="namespaces")


async def passing(job: Job, emit: Emit) -> Outcome:
    await emit(Event("loss", {"points": [[0, 3.0], [1, 0.1]]}))
    return Outcome(verdict=verdict(job, outcome="passed"), level="namespaces")


async def waiting(job: Job, emit: Emit) -> Outcome:
    """Says that it has begun, then goes on until it is cancelled."""
    await emit(Event("output", {"stream": "stdout", "text": "begun\n"}))
    await asyncio.Event().wait()
    raise AssertionError("never reached")


async def lost(job: Job, emit: Emit) -> Outcome:
    await emit(Event("output", {"stream": "stdout", "text": "going\n"}))
    return Outcome(verdict=None, level="namespaces", fault="The zygote died.", lost=True)


def property_entry(name: str, status: str) -> dict[str, Any]:
    return {
        "name": name,
        "title": "No position sees the future",
        "component": "attention",
        "status": status,
        "measured": 0.14,
        "expected": 0.0,
        "detail": "Changing token 3 moved the logits at position 2 by 0.140.",
        "data": {},
    }


def verdict(job: Job, *, outcome: str, criteria: bool = True) -> dict[str, Any]:
    held = outcome == "passed"
    return {
        "format": 1,
        "problem": job.problem,
        "kind": job.kind,
        "outcome": outcome,
        "criteria": {
            "loss_drop": {"passed": criteria, "first": 3.0, "last": 0.2},
            "generation": {"passed": criteria, "expected": job.text, "got": job.text},
        },
        "properties": [
            property_entry("causal", "held" if held else "broken"),
            property_entry("runs", "held"),
        ],
        "bugs": [
            {"id": bug.id, "status": "fixed" if held else "broken", "properties": list(bug.properties)}
            for bug in job.bugs
        ],
        "notes": [],
        "failure": None,
        "level": "namespaces",
        "judge_version": 1,
        "pack_digest": job.pack_digest,
        "torch": "2.13.0",
        "timings": {"total_ms": 950},
    }


async def until(condition: Callable[[], Any]) -> None:
    """Wait for what happens in another task and has no event of its own; fails after five seconds."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)
