"""The verdict on a submission whose examination had to be cut off: over its time, or over its memory."""

from __future__ import annotations

from typing import Any

from sandbox.bugs import bug_entries, told_by_text
from sandbox.failures import failure
from sandbox.job import FORMAT, JUDGE_VERSION, Ending, Job
from sandbox.limits import MIB


def cut_off_verdict(
    job: Job, ending: Ending, *, properties: list[dict[str, Any]], level: str, torch: str
) -> dict[str, Any] | None:
    """What the app says when the examiner was stopped; None when that wasn't the submission's doing.

    The examiner works on what the submission answers: a model that answers slowly, or with arrays that fill
    the memory, is stopped there as it would have been in its own process.
    """
    limits = job.limits
    if ending.reason == "timeout":
        reason = failure(
            "timeout", f"Running and examining the file took longer than {limits.examine_s:g} seconds."
        )
    elif ending.reason == "memory":
        alone = ending.peak_bytes > limits.memory_bytes
        bound = limits.memory_bytes if alone else limits.run_bytes
        reason = failure("memory", f"Examining the file took more than {bound // MIB} MiB.")
    else:
        return None
    return {
        "format": FORMAT,
        "problem": job.problem,
        "kind": job.kind,
        "outcome": "failed",
        "criteria": {
            "loss_drop": {"passed": False, "first": None, "last": None},
            "generation": {"passed": False, "expected": job.text, "got": None},
        },
        "properties": properties,
        "bugs": bug_entries(job=job, told=told_by_text(job, properties=properties), passed=False),
        "notes": [],
        "failure": reason,
        "level": level,
        "judge_version": JUDGE_VERSION,
        "pack_digest": job.pack_digest,
        "torch": torch.partition("+")[0],
        "timings": {"total_ms": ending.wall_ms},
    }
