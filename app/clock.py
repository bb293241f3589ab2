"""Time as the app knows it: UTC epoch milliseconds from an injected clock."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Answers what time it is; tests inject one that runs fast or stands still."""

    def now(self) -> int:
        """UTC epoch milliseconds."""
        ...


class SystemClock:
    """The machine's wall clock."""

    def now(self) -> int:
        return time.time_ns() // 1_000_000
