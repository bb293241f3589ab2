"""`overfit problems check`: proves a pack by examining every program that it makes claims about."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from app.catalog import Catalog, load_catalog
from app.commands.examining import job_for, outcomes, warm_sandbox
from app.commands.trials import Judgement, Trial, bug_trials, trials
from app.engine.worker import Examiner
from app.errors import NotFound
from app.settings import Settings
from app.web.words import plural
from sandbox import Outcome

PATIENCE_S = 120  # a proof must not depend on how busy the machine is
PROVEN, DISPROVEN, OUR_FAULT = 0, 1, 3
CLAIMS = {
    "shape": "the clean shape learns each sentence and passes",
    "bug": "alive alone, by the properties and the symptom it names; gone when it is taken out",
    "valid": "written otherwise, and accepted",
    "wrong": "caught by the property it names",
    "variant": "drawn and repaired bug by bug; no bug is told wrongly",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One trial's result, as `--json` prints it."""

    problem: str
    kind: str
    name: str
    ok: bool
    complaints: tuple[str, ...]
    statuses: dict[str, int]
    milliseconds: int


async def check_packs(
    settings: Settings,
    slugs: Sequence[str],
    *,
    bugs: Sequence[str] = (),
    as_json: bool,
    say: Callable[[str], None],
) -> int:
    """Prove the named problems, or all of them, or some of their bugs alone; the exit status.

    Raises NotFound for an unknown name, SetupError for a pack that can't be read, Unavailable without a
    sandbox.
    """
    patient = settings.model_copy(update={"run_seconds": max(settings.run_seconds, PATIENCE_S)})
    catalog = load_catalog(settings.problems)
    problems = [catalog.problem(slug) for slug in slugs] or list(catalog.problems.values())
    known = {bug for problem in problems for bug in problem.bugs}
    for bug in bugs:
        if bug not in known:
            raise NotFound(f"There is no bug “{bug}”.", hint="bugs.toml lists them by id.")
    status = PROVEN
    async with warm_sandbox(patient) as sandbox:
        for problem in problems:
            if not as_json:
                say(f"{problem.slug}: {problem.title} (pack {problem.digest})")
            status = max(status, await _prove(sandbox, patient, catalog, problem.slug, bugs, as_json, say))
    return status


async def _prove(
    sandbox: Examiner,
    settings: Settings,
    catalog: Catalog,
    slug: str,
    bugs: Sequence[str],
    as_json: bool,
    say: Callable[[str], None],
) -> int:
    problem = catalog.problem(slug)
    everything = list(
        bug_trials(problem, bugs) if bugs else trials(catalog, problem, settings.problems / slug)
    )
    faults = 0
    findings: list[Finding] = []
    for kind in [kind for kind in CLAIMS if not bugs or kind == "bug"]:
        these = [trial for trial in everything if trial.kind == kind]
        jobs = [job_for(trial.material, source=trial.source, settings=settings) for trial in these]
        number = 0
        found: list[Finding] = []
        async for outcome in outcomes(sandbox, jobs):
            finding = _finding(slug, these[number], outcome)
            faults += outcome.verdict is None
            found.append(finding)
            number += 1
            if as_json:
                say(json.dumps(asdict(finding), ensure_ascii=False))
        if not as_json:
            say(_row(kind, found))
        findings += found
    if faults:
        return OUR_FAULT
    return PROVEN if all(finding.ok for finding in findings) else DISPROVEN


def _finding(slug: str, trial: Trial, outcome: Outcome) -> Finding:
    if outcome.verdict is None:
        judged = Judgement(complaints=(f"it could not be judged: {outcome.fault}",))
    else:
        judged = trial.judge(outcome.verdict)
    timings = (outcome.verdict or {}).get("timings") or {}
    return Finding(
        problem=slug,
        kind=trial.kind,
        name=trial.name,
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
    for finding in findings:
        if not finding.ok:
            lines.append(f"    ✗ {finding.name}")
            lines += [f"        {complaint}" for complaint in finding.complaints]
    return "\n".join(lines)


def _told(told: Counter[str]) -> str:
    return (
        f"{plural(told.total(), 'status', 'statuses')}: {told['right']} right, "
        f"{told['untold']} can't be told yet, {told['wrong']} wrong"
    )
