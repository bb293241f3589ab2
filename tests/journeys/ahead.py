"""`overfit serve` by a clock that is ahead: a file says by how many milliseconds, and tests write to it."""

from __future__ import annotations

import sys
from pathlib import Path

from app.clock import SystemClock
from app.serve import serve
from app.settings import Settings


class ClockAhead:
    """The machine's clock and what the file says."""

    def __init__(self, path: Path) -> None:
        self._path, self._clock = path, SystemClock()

    def now(self) -> int:
        return self._clock.now() + int(self._path.read_text())


if __name__ == "__main__":
    sys.exit(serve(Settings(), clock=ClockAhead(Path(sys.argv[1]))))
