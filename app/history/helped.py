"""How much help there was, as an interviewer would count it."""

from __future__ import annotations

from collections.abc import Sequence

from app.attempts.interviewer import cost_minutes
from app.history.views import Help, Verified
from app.models import HintUse
from app.web.words import clock, plural


def helped(hints: Sequence[HintUse], verified: Verified | None, *, spent_ms: int) -> Help:
    """The minutes of all hints, whatever the mode asked for them; done is what a run showed."""
    minutes = sum(cost_minutes(hint.slot, hint.rung) for hint in hints)
    done = f"done at {clock(verified.at_ms)}" if verified else f"not shown to be done in {clock(spent_ms)}"
    given = f"{plural(minutes, 'minute')} of help" if minutes else "no help"
    words = f"As an interviewer would count it: {done}, and {given}."
    return Help(hints=len(hints), minutes=minutes, words=words)
