"""`overfit problems check`: proves a pack by examining every program that it makes claims about."""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from app.catalog import Catalog, Problem, load_catalog
from app.commands.examining import job_for, outcomes, warm_sandbox
from app.commands.judgements import Judgement, criteria_met
from app.commands.trials import DRAWN, MANY, Trial, bug_trials, trials
from app.engine.worker import Examiner
from app.errors import NotFound
from app.settings import Settings
from app.web.words import plural
from sandbox import Outcome

PATIENCE_S = 120  # a proof must not depend on how busy the machine is
PROVEN, DISPROVEN, OUR_FAULT = 0, 1, 3
CLAIMS = {
    "shape": "the clean shape learns its sentences and passes",
    "start": "the unsolved start loads, and does not pass",
    "bug": "alive alone, by the properties and the symptom it names; gone when it is taken out",
    "valid": "written otherwise, and accepted",
    "copy": "of those, with other names, another order and a function inlined: accepted too",
    "wrong": "caught by the property it names",
    "mistaken": "repaired wrongly, with another bug of the same lines; never told fixed",
    "variant": "drawn and repaired bug by bug; no bug is told wrongly",
    "reworded": "repaired in other words, which grafts judge; no bug is told wrongly",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One trial's result, as `--json` prints it."""

    problem: str
    kind: str
    name: str
    group: str
    criteria: bool  # whether the interviewer's own two were met
    ok: bool
    complaints: tuple[str, ...]
    statuses: dict[str, int]
    milliseconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """How much is proven: everything with some drawn variants, or named bugs alone."""

    bugs: tuple[str, ...] = ()
    drawn: int | None = None  # variants of each tier that draws several bugs
    thorough: bool = False

    def trials(self, catalog: Catalog, problem: Problem, folder: Path) -> list[Trial]:
        if self.bugs:
            return list(bug_trials(problem, self.bugs))
        drawn = self.drawn or (MANY if self.thorough else DRAWN)
        return list(trials(catalog, problem, folder, drawn=drawn, thorough=self.thorough))


async def check_packs(
    settings: Settings, slugs: Sequence[str], *, scope: Scope, as_json: bool, say: Callable[[str], None]
) -> int:
    """Prove the named problems, or all of them; the exit status.

    Raises NotFound for an unknown name, SetupError for a pack that can't be read, Unavailable without a
    sandbox.
    """
    patient = settings.model_copy(update={"run_seconds": max(settings.run_seconds, PATIENCE_S)})
    catalog = load_catalog(settings.problems)
    problems = [catalog.problem(slug) for slug in slugs] or list(catalog.problems.values())
    known = {bug for problem in problems for bug in problem.bugs}
    for bug in scope.bugs:
        if bug not in known:
            raise NotFound(f"There is no bug “{bug}”.", hint="bugs.toml lists them by id.")
    status = PROVEN
    async with warm_sandbox(patient) as sandbox:
        for problem in problems:
            if not as_json:
                say(f"{problem.slug}: {problem.title} (pack {problem.digest})")
            claims = scope.trials(catalog, problem, settings.problems / problem.slug)
            for kind in [kind for kind in CLAIMS if any(trial.kind == kind for trial in claims)]:
                these = [trial for trial in claims if trial.kind == kind]
                status = max(status, await _prove(sandbox, patient, kind, these, as_json=as_json, say=say))
    return status


async def _prove(
    sandbox: Examiner,
    settings: Settings,
    kind: str,
    claims: Sequence[Trial],
    *,
    as_json: bool,
    say: Callable[[str], None],
) -> int:
    """Prove the claims of one kind, and say what was found."""
    jobs = [
        job_for(trial.material, source=trial.source, settings=settings, only=trial.only) for trial in claims
    ]
    findings: list[Finding] = []
    faults = 0
    async for outcome in outcomes(sandbox, jobs):
        findings.append(_finding(claims[len(findings)], outcome))
        faults += outcome.verdict is None
        if as_json:
            say(json.dumps(asdict(findings[-1]), ensure_ascii=False))
    if not as_json:
        say(_row(kind, findings))
    if faults:
        return OUR_FAULT
    return PROVEN if all(finding.ok for finding in findings) else DISPROVEN


def _finding(trial: Trial, outcome: Outcome) -> Finding:
    if outcome.verdict is None:
        judged = Judgement(complaints=(f"it could not be judged: {outcome.fault}",))
    else:
        judged = trial.judge(outcome.verdict)
    timings = (outcome.verdict or {}).get("timings") or {}
    return Finding(
        problem=trial.material.problem,
        kind=trial.kind,
        name=trial.name,
        group=trial.group,
        criteria=outcome.verdict is not None and all(criteria_met(outcome.verdict).values()),
        ok=not judged.complaints,
        complaints=judged.complaints,
        statuses=dict(judged.statuses),
        milliseconds=timings.get("total_ms", 0),
    )


def _row(kind: str, findings: Sequence[Finding]) -> str:
    """A section of the table: how many of the claims hold, and each that does not."""
    held = sum(finding.ok for finding in findings)
    seconds = sum(finding.milliseconds for finding in findings) / 1000
    lines = [f"  {kind:<8} {held:>4} of {len(findings):<4} {CLAIMS[kind]} ({seconds:.0f} s)"]
    told = sum((Counter(finding.statuses) for finding in findings), Counter[str]())
    if told:
        lines.append(f"{' ' * 11}{_told(told)}")
    if kind == "bug":
        lines += _blind_spots(findings)
    for finding in findings:
        if not finding.ok:
            lines.append(f"    ✗ {finding.name}")
            lines += [f"        {complaint}" for complaint in finding.complaints]
    return "\n".join(lines)


def _blind_spots(findings: Sequence[Finding]) -> list[str]:
    """How many of the bugs the interviewer's criteria let pass, by family."""
    every = Counter(finding.group for finding in findings)
    passing = Counter(finding.group for finding in findings if finding.criteria)
    shares = [f"{group} {passing[group]}/{count}" for group, count in sorted(every.items())]
    total = f"{passing.total()} of {every.total()} pass the interviewer's criteria: "
    return textwrap.wrap(total + ", ".join(shares), 100, initial_indent=" " * 11, subsequent_indent=" " * 13)


def _told(told: Counter[str]) -> str:
    return (
        f"{plural(told.total(), 'status', 'statuses')}: {told['right']} right, "
        f"{told['untold']} can't be told yet, {told['wrong']} wrong"
    )
