"""A sample of the proof that `overfit problems check` gives whole, examined in the real sandbox."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from app.catalog import load_catalog
from app.commands.examining import job_for
from app.commands.rewriting import rewritten
from app.commands.trials import Trial, trials
from app.settings import CHECKOUT, Settings
from sandbox import Event
from tests.conftest import Jailed

SETTINGS = Settings(run_seconds=60)
CATALOG = load_catalog(CHECKOUT / "problems")
SAMPLE: dict[str, list[str] | list[int]] = {
    "shape": ["gpt, “attention is a soft lookup over the past”"],
    "bug": [
        # the four that the interviewer's criteria pass
        *("mask-multiplied, gpt", "mask-missing, gpt", "scale-missing, gpt", "k-for-v, gpt"),
        *("no-step, gpt", "shift-double, gpt", "projection-takes-one-head, gpt"),
        "position-never-initialised, gpt",
    ],
    "valid": ["positions_initialised_later", "multihead_attention", "loss_rolled", "rope"],
    "copy": ["loss_rolled"],
    "wrong": [
        *("patches_torch", "hard_coded_answer", "stale_after_fused_steps"),
        *("rotary_at_one_rate", "denominator_of_the_first_tile"),
    ],
    "variant": [0, 1, 2],  # of those that are drawn
}


@cache
def _claims() -> list[Trial]:
    folder = CHECKOUT / "problems" / "gpt"
    return list(trials(CATALOG, CATALOG.problem("gpt"), folder, drawn=1))


def _claim(kind: str, which: str | int) -> Trial:
    if kind == "copy":
        original = _claim("valid", which)
        return replace(original, kind=kind, source=rewritten(original.source))
    these = [trial for trial in _claims() if trial.kind == kind]
    return these[which] if isinstance(which, int) else next(trial for trial in these if trial.name == which)


@pytest.mark.jail
@pytest.mark.parametrize(
    ("kind", "which"), [(kind, which) for kind, names in SAMPLE.items() for which in names]
)
def test_a_claim_of_the_pack_holds(kind: str, which: str | int, jailed: Jailed) -> None:
    async def emit(event: Event) -> None: ...

    trial = _claim(kind, which)
    job = job_for(trial.material, source=trial.source, settings=SETTINGS)
    outcome = jailed.wait(jailed.sandbox.examine(job, emit=emit))
    assert outcome.verdict is not None, outcome.fault
    assert trial.judge(outcome.verdict).complaints == ()
