"""What a review looks like to those who may see it: one form for the page and the JSON alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from app.history.diffs import Diff
from app.history.lanes import Lane
from app.history.watch import Work
from app.sight import RunSummary


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstHeld:
    """A property, and when a run first showed that it holds; None when none did."""

    name: str
    title: str
    at_ms: int | None
    run: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Milliseconds since the start."""

    first_run_ms: int | None
    properties: list[FirstHeld]
    waiting_ms: int  # for runs
    work: Work
    total_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HintTaken:
    slot: int
    rung: int
    text: str
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """One sentence of the ledger; `slot` is the bug that it speaks of, once that may be told."""

    at_ms: int
    text: str
    slot: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Debrief:
    """One bug, told."""

    slot: int
    id: str
    title: str
    family: str
    component: str
    mechanism: str
    why: str
    line: int
    clean: str
    bugged: str
    debrief_html: str
    source: str  # where it shipped
    yours: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """The run that showed both criteria after the last edit, inside the time."""

    run: int
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One comparison that can be asked for."""

    name: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One comparison."""

    step: str
    before: str
    after: str
    diff: Diff


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """An attempt, looked back on. Before the key is told `bugs` is empty and lanes have numbers only."""

    id: str
    url: str
    title: str
    mode: str
    state: str
    tier: str
    seed: int | None
    marks: bool
    minutes: int | None
    started_at: int
    ended_at: int | None
    revealed_at: int | None
    key: bool
    judged: bool  # whether verdicts may be seen
    look: Literal["hidden", "none", "unseen", "passed", "lied", "failed", "stopped"]
    headline: str
    sentence: str
    verified: Verified | None
    proof: str | None  # of parity, where the problem asks the candidate for one
    runs: list[RunSummary]
    times: Times
    lanes: list[Lane]
    hints: list[HintTaken]
    ledger: list[Sentence]
    bugs: list[Debrief]
    steps: list[Step]
