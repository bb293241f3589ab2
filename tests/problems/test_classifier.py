"""The packs `classifier` and `token_classifier`: facts, and a sample of their proof in the real sandbox."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from app.catalog import Bug, choose, compose, load_catalog, material, with_header
from app.commands.check import read_submission
from app.commands.examining import job_for
from app.commands.trials import Trial, trials
from app.settings import CHECKOUT, Settings
from sandbox import Event
from tests.conftest import Jailed

SETTINGS = Settings(run_seconds=60)
CATALOG = load_catalog(CHECKOUT / "problems")
PROBLEM = CATALOG.problem("classifier")
TOKENS = CATALOG.problem("token_classifier")
BUGS = [*PROBLEM.bugs.values(), *TOKENS.bugs.values()]
# what accuracy alone lets pass, and a right program of each kind that is off the reference
SAMPLE = {
    *("padding-in-mean, causal", "padding-attended, full", "pool-sum, causal", "head-squeezed, full"),
    *("last_real_token", "class_token", "one_text_at_a_time"),
    *("mask_guessed_from_ids", "loss_changed_and_not_the_output"),
    *("language-loss-dropped, digits", "parity-enters-language, digits"),
    *("one_after_the_other", "slices_the_language_head"),
    *("additive_mask_in_float32", "head_in_float32"),
    *("last_token_left_out", "running_mean"),
}


def _sample() -> list[Trial]:
    everything = [
        trial
        for problem in (PROBLEM, TOKENS)
        for trial in trials(CATALOG, problem, CHECKOUT / "problems" / problem.slug, drawn=1)
    ]
    named = [trial for trial in everything if trial.name in SAMPLE and trial.kind != "copy"]
    return [trial for trial in everything if trial.kind in ("shape", "start")] + named


def test_the_sample_is_whole() -> None:
    assert len(_sample()) == 2 * (len(PROBLEM.shapes) + len(TOKENS.shapes)) + len(SAMPLE)


@pytest.mark.jail
@pytest.mark.parametrize("trial", _sample(), ids=lambda trial: f"{trial.kind}: {trial.name}")
def test_a_claim_of_the_pack_holds(trial: Trial, jailed: Jailed) -> None:
    async def emit(event: Event) -> None: ...

    job = job_for(trial.material, source=trial.source, settings=SETTINGS)
    outcome = jailed.wait(jailed.sandbox.examine(job, emit=emit))
    assert outcome.verdict is not None, outcome.fault
    assert trial.judge(outcome.verdict).complaints == ()


def test_there_are_enough_right_and_wrong_programs() -> None:
    folder = CHECKOUT / "problems" / "classifier"
    assert len(list((folder / "valid").glob("*.py"))) >= 25
    assert len(list((folder / "wrong").glob("*.py"))) >= 10
    assert len(PROBLEM.bugs) >= 15


@pytest.mark.parametrize("shape", PROBLEM.shapes)
def test_a_start_holds_the_given_parts_and_not_the_solution(shape: str) -> None:
    start, solved = (_functions(text[shape]) for text in (PROBLEM.starts, PROBLEM.shapes))
    for given in ("make_task", "harness", "say"):
        assert start[given] == solved[given]
    assert "num_classes)  #" not in PROBLEM.starts[shape]
    assert "vocab)" in PROBLEM.starts[shape]


def test_a_variant_without_bugs_is_the_start_and_is_found_again_by_its_header(tmp_path: Path) -> None:
    variant = choose(PROBLEM, bugs=[], seed=3, shape="full", marks=False)
    starter = compose(PROBLEM, variant)
    assert starter.source == PROBLEM.starts["full"]
    assert starter.slots == ()
    given = material(PROBLEM, starter)
    assert (given.text, given.contract, given.shape) == ("", "classifier", PROBLEM.shapes["full"])
    path = tmp_path / "classifier.py"
    path.write_text(with_header(starter.source, variant))
    read = read_submission(CATALOG, path, problem="gpt", settings=SETTINGS)
    assert read.material == given


@pytest.mark.parametrize("bug", BUGS, ids=[bug.id for bug in BUGS])
def test_a_bug_is_told_in_whole_sentences_and_never_with_its_fix(bug: Bug) -> None:
    assert bug.why.endswith(".")
    assert bug.why.count(". ") == 0, "one sentence"
    assert len(bug.debrief) > 60
    assert bug.hints[0].startswith("Look at ")
    assert all(hint.endswith((".", "?")) and "`" not in hint for hint in bug.hints)
    if bug.difficulty in ("silent", "expert"):
        assert bug.symptom in ("criteria_pass", "varies")


def _functions(source: str) -> dict[str, str]:
    return {
        node.name: ast.unparse(node) for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)
    }
