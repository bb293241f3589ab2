"""Where the minutes went: in marked code, elsewhere, waiting for runs, and the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from app.history.views import Review


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One part of the time; `percent` of the largest part."""

    name: str
    ms: int
    percent: float
    kind: Literal["marked", "elsewhere", "other"]


def shares(review: Review) -> list[Share]:
    """Up to a minute before an edit counts to where the edit was made; what is left over was reading."""
    work, waiting, total = review.times.work, review.times.waiting_ms, review.times.total_ms
    rest = max(0, total - work.marked_ms - work.elsewhere_ms - waiting)
    parts: list[tuple[str, int, Literal["marked", "elsewhere", "other"]]] = [
        ("Waiting for runs", waiting, "other"),
        ("Reading, thinking, away", rest, "other"),
    ]
    if review.where != "any":
        marked = review.where == "marked"
        named = ("Marked code", "Unmarked code") if marked else ("Code with a bug", "Other code")
        parts.insert(0, (named[1], work.elsewhere_ms, "elsewhere"))
        parts.insert(0, (named[0], work.marked_ms, "marked"))
    else:
        parts.insert(0, ("Editing", work.marked_ms + work.elsewhere_ms, "marked"))
    most = max(ms for _, ms, _ in parts) or 1
    return [Share(name=name, ms=ms, percent=round(100 * ms / most, 1), kind=kind) for name, ms, kind in parts]
