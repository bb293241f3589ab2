"""A sample of the proof that `overfit problems check` gives whole, examined in the real sandbox."""

from __future__ import annotations

import pytest

from app.catalog import load_catalog
from app.commands.examining import job_for
from app.commands.trials import Trial, trials
from app.settings import CHECKOUT, Settings
from sandbox import Event
from tests.conftest import Jailed

SETTINGS = Settings(run_seconds=60)
CATALOG = load_catalog(CHECKOUT / "problems")
SAMPLE = {
    # the four that the interviewer's criteria pass
    *("mask-multiplied", "mask-missing", "scale-missing", "k-for-v"),
    *("no-step", "shift-double", "projection-takes-one-head", "position-never-initialised"),
    *("positions_initialised_later", "multihead_attention", "loss_rolled", "rope"),
    *("patches_torch", "hard_coded_answer"),
}
SHAPE, COPIES, VARIANTS = 1, 1, 3  # how many of these


def _sample() -> list[Trial]:
    everything = list(trials(CATALOG, CATALOG.problem("gpt"), CHECKOUT / "problems" / "gpt", thorough=True))
    named = [
        trial for trial in everything if trial.name.removesuffix(", gpt") in SAMPLE and trial.kind != "copy"
    ]
    copies = [trial for trial in everything if trial.name in SAMPLE and trial.kind == "copy"]
    shapes = [trial for trial in everything if trial.kind == "shape"]
    variants = [trial for trial in everything if trial.kind == "variant"]
    return [*shapes[:SHAPE], *named, *copies[:COPIES], *variants[:VARIANTS]]


def test_the_sample_is_whole() -> None:
    assert len(_sample()) == SHAPE + len(SAMPLE) + COPIES + VARIANTS


@pytest.mark.jail
@pytest.mark.parametrize("trial", _sample(), ids=lambda trial: f"{trial.kind}: {trial.name}")
def test_a_claim_of_the_pack_holds(trial: Trial, jailed: Jailed) -> None:
    async def emit(event: Event) -> None: ...

    job = job_for(trial.material, source=trial.source, settings=SETTINGS)
    outcome = jailed.wait(jailed.sandbox.examine(job, emit=emit))
    assert outcome.verdict is not None, outcome.fault
    assert trial.judge(outcome.verdict).complaints == ()
