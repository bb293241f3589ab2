"""`overfit problems check` proves what a pack claims, and names each claim that does not hold."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.commands.problems import CLAIMS
from sandbox import Job, Outcome
from tests.app.commands.conftest import Overfit
from tests.app.fakes import Emit, FakeSandbox, property_entry, verdict, write_pack

Change = Callable[[Job, dict[str, Any]], None]


@pytest.fixture
def pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tiny pack with a right and a wrong program, and one tier of two picks."""
    folder = write_pack(tmp_path / "pack")
    (folder / "tiny" / "valid").mkdir()
    (folder / "tiny" / "wrong").mkdir()
    (folder / "tiny" / "valid" / "renamed.py").write_text("# category: renamed\nx = 1\n")
    (folder / "tiny" / "wrong" / "lies.py").write_text("# caught by: lies_property\nx = 1\n")
    monkeypatch.setenv("OVERFIT_PROBLEMS", str(folder))
    return folder


@pytest.fixture
def judge(sandbox: FakeSandbox) -> list[Change]:
    """A judge that is always right; changes to its verdicts are appended to the list."""
    changes: list[Change] = []

    async def right(job: Job, emit: Emit) -> Outcome:
        told = _right_verdict(job)
        for change in changes:
            change(job, told)
        return Outcome(verdict=told, level="namespaces")

    sandbox.script = right
    sandbox.examine = lambda job, *, emit: right(job, emit)  # type: ignore[method-assign]
    return changes


def test_a_pack_whose_claims_hold_is_proven(overfit: Overfit, pack: Path, judge: list[Change]) -> None:
    result = overfit("problems", "check")
    assert result.exit_code == 0, result.output
    assert "tiny: Tiny (pack " in result.output
    for row in ("shape       3 of 3", "bug         4 of 4", "valid       1 of 1", "wrong       1 of 1"):
        assert row in result.output
    assert "variant     8 of 8" in result.output
    assert "16 statuses: 16 right, 0 can't be told yet, 0 wrong" in result.output
    assert "reworded" not in result.output


def test_a_thorough_proof_also_judges_what_says_the_same_in_other_words(
    overfit: Overfit, pack: Path, judge: list[Change]
) -> None:
    result = overfit("problems", "check", "--thorough")
    assert result.exit_code == 0, result.output
    for row in ("copy        1 of 1", "mistaken    2 of 2", "variant     6 of 6", "reworded    2 of 2"):
        assert row in result.output


def test_json_is_a_finding_a_line(overfit: Overfit, pack: Path, judge: list[Change]) -> None:
    lines = overfit("problems", "check", "tiny", "--json", "--thorough").output.splitlines()
    findings = [json.loads(line) for line in lines]
    assert {finding["kind"] for finding in findings} == set(CLAIMS) - {"start"}
    assert all(finding["ok"] and finding["problem"] == "tiny" for finding in findings)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda job, told: told.update(outcome="failed") if job.source == job.shape else None,
            "✗ tiny, “the quick brown fox jumps”\n        its outcome is failed",
        ),
        (
            lambda job, told: _set_property(told, "halved_property", "held"),
            "halved_property is held, not broken",
        ),
        (
            lambda job, told: told["criteria"]["loss_drop"].update(passed=True),
            "its symptom is not `flat`",
        ),
        (
            lambda job, told: [bug.update(status="fixed") for bug in told["bugs"]],
            "was judged fixed",
        ),
        (
            lambda job, told: told.update(outcome="passed") if len(job.bugs) == 2 else None,
            "it passed with 2 alive",
        ),
        (
            lambda job, told: _set_property(told, "lies_property", "held"),
            "lies_property is held",
        ),
        (
            lambda job, told: told.update(outcome="failed", failure={"message": "It stopped."}),
            "It stopped.",
        ),
    ],
)
def test_a_claim_that_does_not_hold_is_named(
    overfit: Overfit, pack: Path, judge: list[Change], change: Change, words: str
) -> None:
    judge.append(change)
    result = overfit("problems", "check")
    assert result.exit_code == 1
    assert words in result.output


def test_a_status_that_can_not_be_told_is_counted_and_no_complaint(
    overfit: Overfit, pack: Path, judge: list[Change]
) -> None:
    def untold(job: Job, told: dict[str, Any]) -> None:
        if len(told["bugs"]) == 2:
            told["bugs"][0]["status"] = "blocked"

    judge.append(untold)
    result = overfit("problems", "check")
    assert result.exit_code == 0
    assert "16 statuses: 8 right, 8 can't be told yet, 0 wrong" in result.output


def test_as_many_variants_are_drawn_as_asked(overfit: Overfit, pack: Path, judge: list[Change]) -> None:
    assert "variant     2 of 2" in overfit("problems", "check", "--drawn", "1").output


def test_a_claim_about_one_property_looks_at_no_other(
    overfit: Overfit, pack: Path, judge: list[Change]
) -> None:
    looked_at: dict[str, tuple[str, ...]] = {}
    judge.append(lambda job, told: looked_at.update({job.bugs[0].id: job.only} if len(job.bugs) == 1 else {}))
    overfit("problems", "check")
    assert len(looked_at) > 1
    assert looked_at == {bug: (f"{bug}_property",) for bug in looked_at}


def test_our_fault_is_told_apart(overfit: Overfit, pack: Path, sandbox: FakeSandbox) -> None:
    async def faulty(job: Job, *, emit: Emit) -> Outcome:
        return Outcome(verdict=None, level="namespaces", fault="The disk is full.")

    sandbox.examine = faulty  # type: ignore[method-assign]
    result = overfit("problems", "check")
    assert result.exit_code == 3
    assert "it could not be judged: The disk is full." in result.output


def test_an_unknown_problem_is_an_unusable_argument(overfit: Overfit, pack: Path) -> None:
    result = overfit("problems", "check", "bert")
    assert result.exit_code == 2
    assert "There is no problem “bert”." in result.output


def test_a_program_that_does_not_say_what_it_is_is_refused(
    overfit: Overfit, pack: Path, judge: list[Change]
) -> None:
    (pack / "tiny" / "wrong" / "silent.py").write_text("x = 1\n")
    result = overfit("problems", "check")
    assert result.exit_code == 3
    assert "silent.py: line 1 must match" in result.output


def _right_verdict(job: Job) -> dict[str, Any]:
    """What a judge that is never wrong says of the tiny pack's programs."""
    alive = {bug.id for bug in job.bugs if bug.find not in job.source}
    lies = job.source.startswith("# caught by")
    told = verdict(job, outcome="failed" if alive or lies else "passed", criteria=not alive)
    broken = [f"{name}_property" for name in alive] + ["lies_property"] * lies
    told["properties"] = [property_entry(name, "broken") for name in broken]
    told["bugs"] = [
        {**entry, "status": "broken" if entry["id"] in alive else "fixed"} for entry in told["bugs"]
    ]
    return told


def _set_property(told: dict[str, Any], name: str, status: str) -> None:
    for entry in told["properties"]:
        if entry["name"] == name:
            entry["status"] = status
