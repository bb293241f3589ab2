"""The interviewer's own two criteria, read off the program: the loss fell, the sentence came out."""

from __future__ import annotations

from typing import Any

from sandbox.calls import CandidateFault
from sandbox.failures import Failure
from sandbox.probing import finite
from sandbox.subject import Subject

PROMPT = 8  # characters: what a person would type


def own_generation(subject: Subject) -> str:
    """What the trained program makes of the sentence's beginning; over caches where the problem is those."""
    return subject.once_own("own generation", lambda: _generate(subject))


def _generate(subject: Subject) -> str:
    text, cached = subject.job.text, subject.job.contract == "kv_cache"
    model, new = subject.own_training.model, max(len(text) - PROMPT, 0)
    return model.generate_counting(text[:PROMPT], new, cached=cached)[0]


def judge_criteria(subject: Subject) -> tuple[dict[str, Any], Failure | None]:
    """Both criteria, and the failure that kept one of them from being tried."""
    text = subject.job.text
    loss: dict[str, Any] = {"passed": False, "first": None, "last": None, "steps": 0}
    generation: dict[str, Any] = {"passed": False, "expected": text, "got": None}
    criteria = {"loss_drop": loss, "generation": generation}
    try:
        loss |= judge_loss(subject.own_training.returned)
        got = own_generation(subject)
    except CandidateFault as fault:
        return criteria, fault.failure
    generation |= {"passed": got == text, "got": got[: 4 * len(text) + 100]}
    return criteria, None


def judge_loss(losses: list[float]) -> dict[str, Any]:
    """Whether the last loss is below half of the first and below 0.5."""
    if not losses:
        return {"steps": 0}
    return {
        "passed": losses[-1] < 0.5 * losses[0] and losses[-1] < 0.5,
        "first": finite(losses[0]),
        "last": finite(losses[-1]),
        "steps": len(losses),
    }
