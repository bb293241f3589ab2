"""The width of a timeline: how much time it is, where a moment stands in it, and what is written below."""

from __future__ import annotations

from dataclasses import dataclass

from app.history.watch import SLOT_MS

MINUTE_MS = 60_000
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 360, 720, 1440)  # minutes between two labels
LABELS = 7  # at most so many
SHOWN_SHARE = 0.4  # an attempt that took less of its time than this is drawn larger
BARS = 75  # at most so many columns of edits
WIDTHS = (1, 4, 8, 20, 60, 240, 5760)  # quarters of a minute that one column may hold


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    x: float
    label: str


@dataclass(frozen=True, slots=True)
class Scale:
    """So many milliseconds from the left to the right; places are percentages."""

    width: int

    def x(self, ms: int) -> float:
        return round(min(max(ms / self.width, 0.0), 1.0) * 100, 2)

    @property
    def wide(self) -> int:
        """Quarters of a minute in one column."""
        return next((wide for wide in WIDTHS if self.width <= BARS * wide * SLOT_MS), WIDTHS[-1])

    @property
    def unit(self) -> str:
        if self.wide == 1:
            return "in 15 seconds"
        minutes = self.wide // 4
        return "a minute" if minutes == 1 else f"in {minutes} minutes" if minutes < 60 else "an hour or more"

    @property
    def ticks(self) -> tuple[Tick, ...]:
        minutes = self.width // MINUTE_MS
        step = _step(minutes)
        return tuple(
            Tick(x=self.x(minute * MINUTE_MS), label=_label(minute, step))
            for minute in range(0, minutes + 1, step)
        )


def scale_for(total_ms: int, limit_ms: int | None) -> Scale:
    """All the time that there was, or what was used with some room, where that was little."""
    if limit_ms is not None and total_ms > SHOWN_SHARE * limit_ms:
        return Scale(limit_ms)
    minutes = -(-total_ms // MINUTE_MS) + 1
    step = _step(minutes)
    rounded = -(-minutes // step) * step * MINUTE_MS
    return Scale(rounded if limit_ms is None else min(rounded, limit_ms))


def _step(minutes: int) -> int:
    return next((step for step in STEPS if minutes <= step * LABELS), -(-minutes // LABELS))


def _label(minute: int, step: int) -> str:
    if step < 60:
        return f"{minute} min"
    return f"{minute // 60} h" if step < 1440 else f"{minute // 1440} d"
