"""Everything that can go wrong, as one tree; services raise these, one handler answers them.

OverfitError                 500
├── NotFound                 404   nothing here, or it is not yours: the two are told alike
├── Forbidden                403   known to be yours, but not for your role or from this site
├── BadInput                 422   what was sent can't be used; the hint says what to send instead
│   ├── TooLarge             413
│   └── UnusableSource       422   NUL bytes, not text
├── Conflict                 409
│   ├── StaleEdit            409   another tab wrote first; carries the sequence that holds
│   ├── StageClosed          409   the stage is finished or its time is over
│   └── RunFinished          409   there is nothing left to cancel
├── TooMany                  429   the cap on waiting runs is reached
├── WrongHost                421   the Host header is not on the allow-list
├── Unavailable              503   judging is off or still warming up; the hint says what to type
└── SetupError               500   the server can't start like this; printed as one line, never served
"""

from __future__ import annotations

from typing import Any, ClassVar


class OverfitError(Exception):
    """The root: a message for people, a hint on what to do, and facts for programs."""

    status: ClassVar[int] = 500

    def __init__(self, message: str, *, hint: str = "", **facts: Any) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.facts = facts

    def envelope(self) -> dict[str, Any]:
        """The one shape in which every error is answered as JSON."""
        return {"ok": False, "error": self.message, "status": self.status, "hint": self.hint, **self.facts}


class NotFound(OverfitError):
    status = 404


class Forbidden(OverfitError):
    status = 403


class BadInput(OverfitError):
    status = 422


class TooLarge(BadInput):
    status = 413


class UnusableSource(BadInput):
    status = 422


class Conflict(OverfitError):
    status = 409


class StaleEdit(Conflict):
    """Another tab wrote first; `facts["seq"]` is the sequence that holds."""


class StageClosed(Conflict):
    pass


class RunFinished(Conflict):
    pass


class TooMany(OverfitError):
    status = 429


class WrongHost(OverfitError):
    status = 421


class Unavailable(OverfitError):
    status = 503


class SetupError(OverfitError):
    """The server can't start like this; the command line prints the message and the hint."""
