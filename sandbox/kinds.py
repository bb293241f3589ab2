"""What an examination is made of, by the contract of the problem: what is measured, and the two criteria."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from sandbox.accuracy import judge_accuracy
from sandbox.caching import CachedMeasurements
from sandbox.classification import Classification, unseen_results
from sandbox.criteria import judge_criteria
from sandbox.failures import Failure
from sandbox.measurements import Measurements
from sandbox.subject import Subject
from sandbox.token_classification import TokenClassification, parity_results


@dataclass(frozen=True)
class Kind:
    """`measurements` is what probes are given; `criteria` judges the interviewer's two."""

    measurements: Callable[[Subject], Any]
    criteria: Callable[[Subject], tuple[dict[str, Any], Failure | None]]


_LANGUAGE = Kind(Measurements, judge_criteria)
_KINDS: Mapping[str, Kind] = {
    "kv_cache": Kind(CachedMeasurements, judge_criteria),
    "classifier": Kind(Classification, partial(judge_accuracy, results=unseen_results)),
    "token_classifier": Kind(TokenClassification, partial(judge_accuracy, results=parity_results)),
}


def kind_for(contract: str) -> Kind:
    """The kind of a contract: a language model's where it has none of its own."""
    return _KINDS.get(contract, _LANGUAGE)
