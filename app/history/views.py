"""What a review looks like to those who may see it: one form for the page and the JSON alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from app.complexity.service import Gate
from app.history.diffs import Diff
from app.history.lanes import Lane
from app.history.reached import Reached
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
    """Milliseconds since the start of the hour, and how much of it went where."""

    begins_ms: int  # the stage, in its hour
    first_run_ms: int | None
    last_edit_ms: int | None
    properties: list[FirstHeld]
    waiting_ms: int  # for runs
    work: Work
    total_ms: int  # that the stage took

    @property
    def end_ms(self) -> int:
        return self.begins_ms + self.total_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class HintTaken:
    slot: int | None  # None: the interviewer had nothing to point at, or what there is may not be told
    rung: int
    text: str
    at_ms: int
    cost_minutes: int  # 0 where hints are free

    @property
    def words(self) -> str:
        what = f"hint {self.rung}{f' on bug {self.slot}' if self.slot else ''}"
        return f"{what}, −{self.cost_minutes} min" if self.cost_minutes else what


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """One sentence of the ledger; `slot` is the bug that it speaks of, once that may be told."""

    id: str
    at_ms: int
    text: str
    slot: int | None
    marks: dict[str, bool] | None  # the candidate's own: location, mechanism, consequence


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
class Tally:
    """What one bug took. Before the key is told nobody knows where it stands: times are None."""

    slot: int
    runs: int  # until one showed that it is fixed; all of them where none did
    hints: int
    cost_minutes: int  # of those hints
    spent_ms: int | None  # in the definition that holds it
    touched_ms: int | None  # when that was last edited


@dataclass(frozen=True, slots=True, kw_only=True)
class Help:
    """What an interviewer would say of the help: the minutes of all hints, whatever they cost here."""

    hints: int
    minutes: int
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A sentence on how this hour went, of a way to lose or to pass that is known."""

    passed: bool
    words: str
    stage: str = ""  # of another stage than the one that is looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """What to practise next, and why; `fields` open it."""

    title: str
    why: str
    fields: dict[str, str]


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
class Budget:
    """Runs against what there was patience for."""

    runs: int
    of: int | None  # None: nobody counted

    @property
    def over(self) -> int:
        return 0 if self.of is None else max(0, self.runs - self.of)


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A stage, looked back on. Before the key is told `bugs` is empty, and lanes have numbers only."""

    id: str
    url: str
    position: int
    stage_id: str
    kind: str
    problem: str
    title: str
    drawn_from: str  # the problem that the round was drawn from, whatever the stage is of
    drawn_marked: bool
    mode: str
    state: str
    tier: str
    family: str  # that a drill was drawn from, once the key is told
    seed: int | None
    marks: bool
    where: Literal["marked", "bugs", "any"]  # what edits are told apart by
    minutes: int | None
    slow: bool  # whether its runs waited
    extra_minutes: int  # that the gate has opened
    plan: list[str]
    stages: list[Reached]
    over: bool  # the stage, whatever the attempt is
    mine: bool  # whether it is the asker's own, to be marked
    started_at: int  # the hour
    hour_ms: int  # that the whole attempt took
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
    budget: Budget
    times: Times
    lanes: list[Lane]
    tallies: list[Tally]
    help: Help | None
    hints: list[HintTaken]
    ledger: list[Sentence]
    bugs: list[Debrief]
    steps: list[Step]
    gate: Gate | None  # the derivations, in the review of the stage that asks for them
    ways: list[Way]
    next: Next | None
