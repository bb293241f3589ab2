"""A sample of what `overfit problems check kv_cache` proves whole, examined in the real sandbox."""

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
    *("mask-for-empty-cache-only", "position-restarts", "caches-kept-between-calls"),
    *("rope_plain_keys_stored", "half_a_window_again", "after_einsum", "after_pairs"),
    *("cache_in_float32", "sdpa_adds_its_mask"),
    *("generates_without", "batch_shares_its_past"),
}


def _sample() -> list[Trial]:
    folder = CHECKOUT / "problems" / "kv_cache"
    everything = list(trials(CATALOG, CATALOG.problem("kv_cache"), folder, drawn=1))
    named = [
        trial for trial in everything if trial.name.removesuffix(", gpt") in SAMPLE and trial.kind != "copy"
    ]
    variants = [trial for trial in everything if trial.kind == "variant"]
    return [*named, *variants[:2]]


def test_the_sample_is_whole() -> None:
    assert len(_sample()) == len(SAMPLE) + 2


@pytest.mark.jail
@pytest.mark.parametrize("trial", _sample(), ids=lambda trial: f"{trial.kind}: {trial.name}")
def test_a_claim_of_the_pack_holds(trial: Trial, jailed: Jailed) -> None:
    async def emit(event: Event) -> None: ...

    job = job_for(trial.material, source=trial.source, settings=SETTINGS)
    outcome = jailed.wait(jailed.sandbox.examine(job, emit=emit))
    assert outcome.verdict is not None, outcome.fault
    assert trial.judge(outcome.verdict).complaints == ()
