"""The interviewer's two criteria for a classifier: the loss fell, and unseen texts are told apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.calls import CandidateFault
from sandbox.criteria import judge_loss
from sandbox.failures import Failure
from sandbox.probing import finite
from sandbox.subject import Subject

LEAST = 0.8  # of unseen texts; guessing gives a third


def judge_accuracy(
    subject: Subject, *, results: Callable[[Subject], tuple[float, float]]
) -> tuple[dict[str, Any], Failure | None]:
    """Both criteria, and the failure that kept one of them from being tried."""
    loss: dict[str, Any] = {"passed": False, "first": None, "last": None, "steps": 0}
    accuracy: dict[str, Any] = {"passed": False, "measured": None, "expected": LEAST}
    criteria = {"loss_drop": loss, "accuracy": accuracy}
    try:
        loss |= judge_loss(subject.own_training.returned)
        measured, _ = results(subject)
    except CandidateFault as fault:
        return criteria, fault.failure
    accuracy |= {"passed": measured >= LEAST, "measured": finite(measured)}
    return criteria, None
