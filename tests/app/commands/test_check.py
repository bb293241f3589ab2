"""`overfit check` judges files against what they were issued with, and says so by its exit status."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.catalog import load_catalog
from app.commands import examining
from app.engine.judge import Judge
from app.settings import CHECKOUT
from sandbox import Job, Outcome
from tests.app import fakes
from tests.app.commands.conftest import Overfit
from tests.app.fakes import Emit, FakeSandbox

GPT = load_catalog(CHECKOUT / "problems").problem("gpt")


def test_a_starter_is_judged_with_its_own_bugs_and_sentence(
    overfit: Overfit, sandbox: FakeSandbox, tmp_path: Path
) -> None:
    overfit("new", "--bugs", "no-step,mask-missing")
    result = overfit("check", "gpt.py")
    (job,) = sandbox.jobs
    assert result.exit_code == 1
    assert {bug.id for bug in job.bugs} == {"no-step", "mask-missing"}
    assert f'SENTENCE = "{job.text}"' in job.source
    assert f'SENTENCE = "{job.text}"' in job.shape
    assert (job.kind, job.pack_digest, job.probes) == ("check", GPT.digest, GPT.probes)
    assert sandbox.closed


def test_the_report_puts_both_verdicts_side_by_side_without_names(overfit: Overfit) -> None:
    overfit("new", "--bugs", "no-step,mask-missing")
    report = overfit("check", "gpt.py").output
    assert report.startswith("gpt.py: The loss lied.\n")
    assert "What the interviewer sees: 2 of 2" in report
    assert "What is true: 1 of 2" in report
    assert "✗ No position sees the future (attention): Changing token 3" in report
    assert "Bugs: 2 alive" in report
    assert "✗ Bug 1: alive" in report
    assert "no-step" not in report
    assert "mask-missing" not in report


def test_names_come_when_they_are_asked_for(overfit: Overfit) -> None:
    overfit("new", "--bugs", "no-step,mask-missing")
    assert "alive (no-step)" in overfit("check", "gpt.py", "--reveal").output


def test_json_is_a_verdict_a_line_and_names_no_bug(overfit: Overfit, sandbox: FakeSandbox) -> None:
    overfit("new", "--bugs", "no-step", "-o", "a.py")
    overfit("new", "--bugs", "no-backward", "-o", "b.py")
    result = overfit("check", "a.py", "b.py", "--json")
    first, second = map(json.loads, result.output.splitlines())
    assert (first["file"], second["file"]) == ("a.py", "b.py")
    assert (first["format"], first["outcome"]) == (1, "failed")
    assert first["bugs"] == [{"slot": 1, "status": "broken"}]
    assert "no-step" not in result.output


def test_all_passed_is_zero(overfit: Overfit, sandbox: FakeSandbox) -> None:
    sandbox.script = fakes.passing
    overfit("new")
    result = overfit("check", "gpt.py")
    assert result.exit_code == 0
    assert result.output.startswith("gpt.py: All of it holds.\n  Both criteria and 2 properties.\n")


def test_a_file_without_a_header_is_judged_with_the_sentence_it_names(
    overfit: Overfit, sandbox: FakeSandbox, tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text('SENTENCE = "a sentence of my own"\n')
    (tmp_path / "other.py").write_text("x = 1\n")
    overfit("check", "mine.py", "other.py")
    mine, other = sandbox.jobs
    assert (mine.text, mine.bugs) == ("a sentence of my own", ())
    assert other.text == next(iter(GPT.sentences.values()))


def test_a_starter_of_another_pack_is_said_to_be_so(
    overfit: Overfit, sandbox: FakeSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = fakes.write_pack(tmp_path / "pack")
    monkeypatch.setenv("OVERFIT_PROBLEMS", str(other))
    overfit("new", "--problem", "tiny", "-o", "tiny.py")
    probes = other / "tiny" / "probes.py"
    probes.write_text(probes.read_text() + "# changed\n")
    result = overfit("check", "tiny.py", "--problem", "tiny")
    assert (
        "Its header is of another version of the pack: judged without the status of each bug."
        in result.output
    )
    assert sandbox.jobs[0].bugs == ()


def test_a_header_that_was_edited_is_said_to_be_so(
    overfit: Overfit, sandbox: FakeSandbox, tmp_path: Path
) -> None:
    (tmp_path / "gpt.py").write_text("# overfit: nonsense\nx = 1\n")
    assert "Its header can't be read" in overfit("check", "gpt.py").output
    assert json.loads(overfit("check", "gpt.py", "--json").output)["remark"].startswith("Its header")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff\xfe", "gpt.py is not UTF-8 text."),
        (b"x = 1\0", "gpt.py holds a NUL byte."),
        (b"#" * (64 * 1024 + 1), "gpt.py is larger than 64 KiB."),
    ],
)
def test_a_file_that_can_not_be_used_stops_everything_before_it_runs(
    overfit: Overfit, sandbox: FakeSandbox, tmp_path: Path, content: bytes, words: str
) -> None:
    (tmp_path / "gpt.py").write_bytes(content)
    (tmp_path / "good.py").write_text("x = 1\n")
    result = overfit("check", "good.py", "gpt.py")
    assert result.exit_code == 2
    assert words in result.output
    assert sandbox.jobs == []


def test_a_missing_file_is_an_unusable_argument(overfit: Overfit) -> None:
    result = overfit("check", "none.py")
    assert result.exit_code == 2
    assert "'none.py' does not exist" in result.output


def test_our_fault_is_told_apart_and_other_files_are_still_judged(
    overfit: Overfit, sandbox: FakeSandbox, tmp_path: Path
) -> None:
    async def faulty(job: Job, emit: Emit) -> Outcome:
        if "broken" in job.source:
            return Outcome(verdict=None, level="namespaces", fault="The disk is full.")
        return await fakes.passing(job, emit)

    sandbox.script = faulty
    (tmp_path / "a.py").write_text("broken = 1\n")
    (tmp_path / "b.py").write_text("x = 1\n")
    result = overfit("check", "a.py", "b.py")
    assert result.exit_code == 3
    assert "a.py: We could not judge this.\n  The disk is full. Nothing was counted" in result.output
    assert "b.py: All of it holds." in result.output
    line = json.loads(overfit("check", "a.py", "--json").output)
    assert (line["outcome"], line["fault"]) == ("error", "The disk is full.")


def test_a_lost_run_is_tried_once_more(overfit: Overfit, sandbox: FakeSandbox, tmp_path: Path) -> None:
    async def lost_once(job: Job, emit: Emit) -> Outcome:
        return await (fakes.lost if len(sandbox.jobs) == 1 else fakes.passing)(job, emit)

    sandbox.script = lost_once
    (tmp_path / "a.py").write_text("x = 1\n")
    assert overfit("check", "a.py").exit_code == 0


def test_without_torch_it_says_what_to_type(
    overfit: Overfit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    off = Judge("off", message="torch is not installed.", hint="Type: sh scripts/install-torch .venv")
    monkeypatch.setattr(examining, "local_judge", lambda settings: (None, off))
    (tmp_path / "a.py").write_text("x = 1\n")
    result = overfit("check", "a.py")
    assert result.exit_code == 3
    assert result.output == "Error: torch is not installed.\nType: sh scripts/install-torch .venv\n"
