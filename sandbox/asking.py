"""Runs probes in order: one is blocked by what it needs, and by an answer that did not come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sandbox.calls import CandidateFault
from sandbox.failures import failure
from sandbox.probing import Finding, Probe, blocked
from sandbox.wording import stopped


@dataclass(frozen=True, slots=True)
class Asked:
    """A probe's finding; `root` is the title of the property that kept it from being tried."""

    probe: Probe
    finding: Finding
    root: str | None

    @property
    def fell_silent(self) -> bool:
        """Whether it was tried, and the submission gave no answer that could be used."""
        return self.finding.status == "blocked" and self.root is None


def ask(probes: Iterable[Probe], measured: Any) -> Iterator[Asked]:
    """The findings one by one, those that wait for the own training last."""
    roots: dict[str, str] = {}  # property that does not hold: title of the one that keeps it from being tried
    for probe in sorted(probes, key=lambda probe: probe.waits):
        root = next((roots[needed] for needed in probe.needs if needed in roots), None)
        finding = (
            _find(probe, measured)
            if root is None
            else blocked(f"Could not be tried before this holds: {root}.")
        )
        if finding.status in ("broken", "blocked"):
            roots[probe.name] = root or probe.title
        yield Asked(probe, finding, root)


def _find(probe: Probe, measured: Any) -> Finding:
    try:
        return probe.run(measured)
    except CandidateFault as fault:
        reason = fault.failure or failure("exception", str(fault))
        return blocked(f"Could not be tried: {stopped(reason)}")
    except Exception as error:  # numbers that no right program answers; the probes themselves are tested
        return blocked(f"Could not be tried: the answers do not fit together ({type(error).__name__}).")
