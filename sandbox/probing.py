"""What a problem's probes are made of: a probe tests one property and returns a finding."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Literal

from sandbox.compiled import code_of
from sandbox.failures import plain

MOST_CHARACTERS = 2_000  # of a detail or a note: they name parameters, whose names may have any length

Status = Literal["held", "broken", "blocked", "not_seen", "not_applicable"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a probe found. `detail` states the symptom with its numbers, never the fix.

    `picture` makes the numbers of a picture that says more; it is called where a verdict is put together.
    """

    status: Status
    detail: str = ""
    measured: float | None = None
    expected: float | None = None
    picture: Callable[[], dict[str, Any]] | None = None
    note: tuple[str, str] | None = None  # name and text of a remark that fails nothing


@dataclass(frozen=True, slots=True)
class Probe:
    """A test of one property. Blocked unless the properties in `needs` hold, so order them before it.

    One that `waits` for the own training is run after all others.
    """

    name: str
    title: str
    component: str
    needs: tuple[str, ...]
    waits: bool
    run: Callable[[Any], Finding]


def probe(
    *, title: str, component: str, needs: tuple[str, ...] = (), waits: bool = False
) -> Callable[[Callable[[Any], Finding]], Probe]:
    """Makes a function the probe of the property that it is named after."""

    def decorate(function: Callable[[Any], Finding]) -> Probe:
        return Probe(function.__name__, title, component, needs, waits, function)

    return decorate


def held(detail: str = "", **more: Any) -> Finding:
    return Finding("held", detail, **more)


def broken(detail: str, **more: Any) -> Finding:
    return Finding("broken", detail, **more)


def not_seen(detail: str, **more: Any) -> Finding:
    return Finding("not_seen", detail, **more)


def not_applicable(detail: str, **more: Any) -> Finding:
    return Finding("not_applicable", detail, **more)


def blocked(detail: str) -> Finding:
    return Finding("blocked", detail)


def judged(
    holds: bool, detail: str, *, picture: Callable[[], dict[str, Any]] | None = None, **numbers: Any
) -> Finding:
    """Held, or broken with the detail that says how and the picture that shows it."""
    return held(**numbers) if holds else broken(detail, picture=picture, **numbers)


def load_probes(text: str, ready: str = "") -> list[Probe]:
    """The probes of a problem's probes.py, in the order in which they stand there; `ready` is its code."""
    module = ModuleType("probes")
    exec(code_of(text, ready), module.__dict__)
    return [value for value in vars(module).values() if isinstance(value, Probe)]


def with_what_they_need(probes: list[Probe], names: Collection[str]) -> list[Probe]:
    """The probes of these names and all that those stand on; all of them where none is named."""
    if not names:
        return probes
    by_name, wanted, new = {probe.name: probe for probe in probes}, set[str](), set(names)
    while new:
        wanted |= new
        new = {needed for name in new if name in by_name for needed in by_name[name].needs} - wanted
    return [probe for probe in probes if probe.name in wanted]


def property_entry(probe: Probe, finding: Finding) -> dict[str, Any]:
    """The finding as an entry of the verdict's `properties`."""
    return {
        "name": probe.name,
        "title": probe.title,
        "component": probe.component,
        "status": finding.status,
        "measured": finite(finding.measured),
        "expected": finite(finding.expected),
        "detail": plain(finding.detail[:MOST_CHARACTERS]),
        "data": picture_data(finding),
    }


def picture_data(finding: Finding) -> dict[str, Any]:
    """The numbers of the finding's picture; empty where there are none, or none that can be drawn."""
    try:
        return finding.picture() if finding.picture is not None else {}
    except Exception:  # no answer, or numbers that no right program gives: a picture never costs a finding
        return {}


def finite(value: object) -> float | None:
    """The value as JSON can carry it: NaN, infinity and what an answer passed off as a number are None."""
    number = float(value) if isinstance(value, (int, float)) and abs(value) < 1e300 else math.nan
    return number if math.isfinite(number) else None
