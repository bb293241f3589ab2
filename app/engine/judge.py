"""The local judge: a sandbox when torch is there and judging is on, else the reason why not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal

from app.engine.worker import Examiner
from app.settings import Settings
from sandbox import Limits, Sandbox, best_slots

State = Literal["ready", "warming", "off", "failed"]

TURNED_OFF = "Judging is turned off here."
TURN_ON = "Start the server without OVERFIT_JUDGE=false."
NO_TORCH = "torch is not installed, so runs can't be judged."
INSTALL = "Type: sh scripts/install-torch .venv, then start the server again."
EXAMINE_SHARE = 3  # an examination trains and grafts several times over: this many walls of one process


@dataclass(frozen=True, slots=True)
class Judge:
    """Whether runs are judged, at which level, and if not, what to do about it."""

    state: State
    level: str | None = None
    message: str = ""
    hint: str = ""


def local_judge(settings: Settings, *, probes: Iterable[str] = ()) -> tuple[Examiner | None, Judge]:
    """A sandbox that has yet to be started, and the judge's state until then. Imports no torch.

    `probes` of all problems: what the sandbox gets ready before the first run.
    """
    if not settings.judge:
        return None, Judge("off", message=TURNED_OFF, hint=TURN_ON)
    if find_spec("torch") is None:
        return None, Judge("off", message=NO_TORCH, hint=INSTALL)
    return Sandbox(slots=slots(settings), probes=probes), Judge("warming")


def slots(settings: Settings) -> int:
    """How many runs go on at once."""
    return settings.slots or best_slots()


def limits(settings: Settings) -> Limits:
    """What one run may take."""
    return Limits(
        wall_s=settings.run_seconds,
        examine_s=settings.run_seconds * EXAMINE_SHARE,
        memory_bytes=settings.run_memory_mb << 20,
        run_bytes=(settings.run_memory_mb << 20) * 3 // 2,
        address_bytes=settings.run_memory_mb << 21,
        threads=settings.run_threads,
        file_bytes=settings.run_scratch_mb << 20,
        output_bytes=settings.run_output_kb << 10,
        source_bytes=settings.source_kb << 10,
    )
