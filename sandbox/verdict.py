"""Puts criteria, properties and the status of each bug side by side: the verdict of a submission."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from sandbox.bugs import Status, bug_entries
from sandbox.failures import Failure
from sandbox.job import FORMAT, JUDGE_VERSION, Job


def build_verdict(
    *,
    job: Job,
    level: str,
    criteria: dict[str, Any],
    properties: list[dict[str, Any]],
    told: Mapping[str, Status],
    notes: list[dict[str, str]],
    failure: Failure | None,
    timings: dict[str, int],
) -> dict[str, Any]:
    """The verdict as the command line, the API and the database hold it."""
    passed = failure is None and holds(criteria, properties)
    return {
        "format": FORMAT,
        "problem": job.problem,
        "kind": job.kind,
        "outcome": "passed" if passed else "failed",
        "criteria": criteria,
        "properties": properties,
        "bugs": bug_entries(job=job, told=told, passed=passed),
        "notes": notes,
        "failure": failure,
        "level": level,
        "judge_version": JUDGE_VERSION,
        "pack_digest": job.pack_digest,
        "torch": torch.__version__.partition("+")[0],
        "timings": timings,
    }


def holds(criteria: dict[str, Any], properties: list[dict[str, Any]]) -> bool:
    """Both criteria are met and no property is broken or blocked."""
    met = all(criterion["passed"] for criterion in criteria.values())
    return met and all(entry["status"] not in ("broken", "blocked") for entry in properties)
