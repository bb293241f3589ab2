"""What the common ways to lose and to pass say about one stage: a sentence each, with its number.

Pure functions over a review that is told. Each gives its sentence where it applies, and nothing where it does
not; none of them blames, and none of them grades.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from app.history.code import calls, multiplied_mask
from app.history.timing import told_at
from app.history.views import Review, Tally, Way
from app.sight import RunSummary
from app.web.words import clock, plural, sentence_case

MINUTE_MS = 60_000
WORTH_MS = 3 * MINUTE_MS  # less time than this in the wrong place is nothing to speak of
FEW = 4  # runs: those who passed did with so many
SMALL = 0.1  # the share of edits elsewhere that still counts as having trusted the marks
DRIVER = frozenset({"", "main"})

Check = Callable[[Review, str], str | None]


def ways(review: Review, *, source: str) -> list[Way]:
    """Those that apply to a stage that is told, losses first; `source` is what its last run ran."""
    said = [(check in PASSED, check(review, source)) for check in (*LOST, *PASSED)]
    return [Way(passed=passed, words=words) for passed, words in said if words]


def _unverified(review: Review, source: str) -> str | None:
    """No time left to run after all fixes were written."""
    edited = review.times.last_edit_ms
    last_run = max((run.created_at - review.started_at for run in review.runs), default=-1)
    if not review.over or review.verified or edited is None or edited <= last_run:
        return None
    left = _left(review)
    spare = f", with {clock(left)} left" if left else ""
    return (
        f"The last edit came at {clock(edited)}{spare}, and no run followed: what it changed was never seen."
    )


def _lied(review: Review, source: str) -> str | None:
    """Both criteria met, and something broken."""
    judged = _judged(review)
    if review.look != "lied" or judged is None:
        return None
    broken, of = len(_broken(judged)), len(_tried(judged))
    if not broken:
        return None
    first = next(run for run in review.runs if _met(run))
    at = clock(told_at(first, review.started_at))
    return f"Both criteria passed at {at} while {broken} of {of} properties did not hold: the loss lied."


def _unmarked(review: Review, source: str) -> str | None:
    """Re-reading what the marks had cleared, the driver above all."""
    work = review.times.work
    if review.where != "marked" or work.elsewhere_ms < WORTH_MS:
        return None
    place, most = max(work.elsewhere_in.items(), key=lambda item: item[1])
    name = "the driver" if place in DRIVER else f"`{place}`"
    share = "all" if most == work.elsewhere_ms else clock(most)
    return f"{clock(work.elsewhere_ms)} went to code that the marks had cleared, {share} of it to {name}."


def _positions(review: Review, source: str) -> str | None:
    """The learned positions replaced where one line of initialisation was meant."""
    judged = _judged(review)
    notes = (judged.verdict or {}).get("notes", ()) if judged else ()
    replaced = any(note["name"].startswith("positions_") for note in notes)
    spent = max((tally.spent_ms or 0 for tally in _of_family(review, "position")), default=0)
    if not replaced or spent < MINUTE_MS:
        return None
    return (
        f"You spent {_minutes(spent)} replacing the learned positions; one line of initialisation was meant."
    )


def _shift(review: Review, source: str) -> str | None:
    """The labels' shift handled by one side only, or twice."""
    alive = {lane.slot for lane in review.lanes if lane.now == "broken"}
    for tally in _of_family(review, "shift"):
        if tally.slot in alive and tally.touched_ms is not None:
            at = clock(tally.touched_ms)
            return f"The labels' shift was edited at {at} and does not hold yet: it takes both sides, by one."
    return None


def _no_step(review: Review, source: str) -> str | None:
    judged, called = _judged(review), calls(source)
    if judged is None or "parameters_move" not in _broken(judged):
        return None
    if "backward" not in called or "step" in called:
        return None
    name = f"{judged.kind} {judged.number}"
    return f"{sentence_case(name)} called backward() and never step(): gradients came, no parameter moved."


def _mask(review: Review, source: str) -> str | None:
    judged, line = _judged(review), multiplied_mask(source)
    if judged is None or line is None or "causal" not in _broken(judged):
        return None
    return f"Line {line} multiplies the mask in: exp(0) is 1, so hidden positions keep their weight."


def _over_budget(review: Review, source: str) -> str | None:
    if not review.budget.over:
        return None
    spent = f"{plural(review.budget.runs, 'run')} against a budget of {review.budget.of}"
    return f"{spent}, {review.budget.over} over{_waited(review)}."


def _run_for_each(review: Review, source: str) -> str | None:
    """Running the slow environment after every fix."""
    seen = [lane.seen_ms for lane in review.lanes if lane.seen_ms is not None]
    if len(seen) < 3 or len(set(seen)) < len(seen):
        return None
    return f"Each of {len(seen)} fixes had a run of its own: {len(review.runs)} runs{_waited(review)}."


def _batched(review: Review, source: str) -> str | None:
    together = Counter(lane.seen_ms for lane in review.lanes if lane.seen_ms is not None)
    at, fixes = max(together.items(), key=lambda item: item[1], default=(0, 0))
    run = next((run for run in review.runs if told_at(run, review.started_at) == at), None)
    if fixes < 2 or run is None:
        return None
    return f"{sentence_case(run.kind)} {run.number} showed {fixes} fixes at once."


def _verified(review: Review, source: str) -> str | None:
    if review.verified is None:
        return None
    left = _left(review)
    spare = f", with {clock(left)} left at the end" if left and len(review.plan) == 1 else ""
    number, at = review.verified.run, clock(review.verified.at_ms)
    return f"Run {number} showed both criteria on the last draft at {at}{spare}."


def _explained(review: Review, source: str) -> str | None:
    fixed = {lane.slot for lane in review.lanes if lane.now != "broken"}
    said = {sentence.slot for sentence in review.ledger}
    if not fixed or not fixed <= said:
        return None
    known = {1: "The fix has its sentence of why.", 2: "Both fixes have a sentence of why."}
    return known.get(len(fixed), f"All {len(fixed)} fixes have a sentence of why.")


def _few_runs(review: Review, source: str) -> str | None:
    if review.look != "passed" or not 0 < len(review.runs) <= FEW or not review.lanes:
        return None
    return f"{plural(len(review.runs), 'run')} showed all of it."


def _trusted(review: Review, source: str) -> str | None:
    work = review.times.work
    edited = work.marked_ms + work.elsewhere_ms
    if review.where != "marked" or work.marked_ms < WORTH_MS or work.elsewhere_ms > SMALL * edited:
        return None
    return f"{clock(work.marked_ms)} of {clock(edited)} of editing went to marked code."


LOST: tuple[Check, ...] = (
    *(_unverified, _lied, _unmarked, _positions, _shift),
    *(_no_step, _mask, _over_budget, _run_for_each),
)
PASSED: tuple[Check, ...] = (_batched, _verified, _explained, _few_runs, _trusted)


def _left(review: Review) -> int:
    """Milliseconds of the hour that were left at the end of the stage; 0 without a clock."""
    if review.minutes is None:
        return 0
    return max(0, (review.minutes + review.extra_minutes) * MINUTE_MS - review.times.end_ms)


def _waited(review: Review) -> str:
    waited = review.times.waiting_ms
    return f", {clock(waited)} of waiting" if waited >= MINUTE_MS else ""


def _minutes(ms: int) -> str:
    return plural(round(ms / MINUTE_MS), "minute")


def _of_family(review: Review, family: str) -> list[Tally]:
    slots = {bug.slot for bug in review.bugs if bug.family == family}
    return [tally for tally in review.tallies if tally.slot in slots]


def _judged(review: Review) -> RunSummary | None:
    """The last run that came to a verdict."""
    judged = [run for run in review.runs if run.verdict is not None and run.verdict["outcome"] != "error"]
    return judged[-1] if judged else None


def _met(run: RunSummary) -> bool:
    criteria = ((run.verdict or {}).get("criteria") or {}).values()
    return bool(criteria) and all(one["passed"] for one in criteria)


def _tried(run: RunSummary) -> Sequence[dict[str, Any]]:
    entries = (run.verdict or {})["properties"]
    return [one for one in entries if one["status"] in ("held", "broken", "blocked")]


def _broken(run: RunSummary) -> frozenset[str]:
    return frozenset(one["name"] for one in _tried(run) if one["status"] == "broken")
