"""The candidate's own proof of parity: whether check_parity() was written, when, and when it ran."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.history.timing import told_at
from app.sight import RunSummary
from app.web.words import clock

NAME = "own_proof"


def own_proof(runs: Sequence[RunSummary], *, start: int) -> str | None:
    """A sentence of the report; None where no verdict speaks of a proof, or none may be seen."""
    told = [(run, data) for run in runs if (data := _data(run)) is not None]
    if not told:
        return None
    written = next((run for run, data in told if data.get("written")), None)
    if written is None:
        return "check_parity() was never written."
    said = f"check_parity() was written by {clock(told_at(written, start))}"
    ran = next((run for run, data in told if data.get("called") and run.kind == "run"), None)
    if ran is None:
        return f"{said}, and no run called it."
    at = f"{said}, and ran at {clock(told_at(ran, start))} in run {ran.number}"
    return f"{at}, which stopped before its end." if _stopped(ran) else f"{at}."


def _data(run: RunSummary) -> Mapping[str, Any] | None:
    entries = (run.verdict or {}).get("properties", ())
    return next((entry["data"] for entry in entries if entry["name"] == NAME and entry["data"]), None)


def _stopped(run: RunSummary) -> bool:
    return bool((run.verdict or {}).get("failure"))
