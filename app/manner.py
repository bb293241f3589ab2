"""How a sitting is held: its mode, and the settings that the mode begins with; each can be changed alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

Mode = Literal["practice", "mock", "drill", "scratch"]
MODES: tuple[Mode, ...] = ("practice", "mock", "drill", "scratch")
BUDGET = 4  # runs: those who passed did with three or four
FEWEST, MOST = 1, 20
GATE_SHARE = 1 / 6  # of the hour, for the complexity gate; and as much more for who derives it


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """What an attempt was opened with, kept in its options."""

    minutes: int | None = None
    guided: bool = False
    budget: int | None = None  # runs that an interviewer has patience for; None: nobody counts
    slow: bool = False  # each run waits, as on the machines that candidates report
    stages: tuple[str, ...] = ("debug",)  # in their order; those to come are opened one by one

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, options: Mapping[str, Any]) -> Manner:
        """Of attempts of every age: what they did not have yet is as it was then."""
        known = {name: options[name] for name in cls.__slots__ if name in options}
        return cls(**{**known, "stages": tuple(known.get("stages", ("debug",)))})


def manner_of(mode: Mode) -> Manner:
    """What a mode begins with; minutes and guidance are the tier's."""
    return replace(Manner(), budget=BUDGET, slow=True) if mode == "mock" else Manner()


def gate_minutes(minutes: int | None) -> int | None:
    """How long the gate of an hour may take, and how much more time it opens."""
    return None if minutes is None else max(2, round(minutes * GATE_SHARE))
