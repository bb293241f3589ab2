"""The report says whether the candidate's own proof of parity was written, and when it ran."""

from __future__ import annotations

from typing import Any

import pytest

from app.history.proof import own_proof
from app.sight import RunSummary

MINUTE = 60_000


def run(number: int, proof: dict[str, bool] | None, *, kind: str = "run", failure: Any = None) -> RunSummary:
    entry = {"name": "own_proof", "data": proof}
    verdict = {"properties": [] if proof is None else [entry], "failure": failure}
    return RunSummary(
        id=str(number),
        number=number,
        kind=kind,
        state="done",
        created_at=0,
        started_at=0,
        finished_at=number * MINUTE,
        outcome="failed",
        message=None,
        verdict=verdict,
    )


EMPTY = {"written": False, "called": False}
WRITTEN = {"written": True, "called": False}
CALLED = {"written": True, "called": True}


@pytest.mark.parametrize(
    ("runs", "sentence"),
    [
        ([], None),
        ([run(1, None)], None),
        ([run(1, EMPTY)], "check_parity() was never written."),
        ([run(1, EMPTY), run(2, WRITTEN)], "check_parity() was written by 2:00, and no run called it."),
        ([run(1, CALLED, kind="check")], "check_parity() was written by 1:00, and no run called it."),
        (
            [run(1, WRITTEN), run(2, CALLED, kind="check"), run(3, CALLED)],
            "check_parity() was written by 1:00, and ran at 3:00 in run 3.",
        ),
        (
            [run(4, CALLED, failure={"kind": "exception"})],
            "check_parity() was written by 4:00, and ran at 4:00 in run 4, which stopped before its end.",
        ),
    ],
)
def test_the_proof_is_reported_with_its_times(runs: list[RunSummary], sentence: str | None) -> None:
    assert own_proof(runs, start=0) == sentence


def test_what_may_not_be_seen_is_not_reported() -> None:
    hidden = run(1, CALLED)
    assert own_proof([RunSummary(**{**_fields(hidden), "verdict": None})], start=0) is None


def _fields(one: RunSummary) -> dict[str, Any]:
    return {name: getattr(one, name) for name in RunSummary.__slots__}
