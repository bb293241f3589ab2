"""What the ways to lose and to pass say about the gate and the follow-ups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from app.complexity.service import Gate
from app.web.words import plural

MINUTE_MS = 60_000
PATTERNS = "parity_"
SHAPES = ("shapes", "class_shapes", "classes")


def of_gate(
    gate: Gate | None, *, planned: bool, debugged_ms: int, opens_more: bool
) -> Iterator[tuple[bool, str]]:
    """Whether it was reached and passed; `debugged_ms` is what was spent before it."""
    if gate is None:
        if planned:
            spent = plural(round(debugged_ms / MINUTE_MS), "minute")
            yield False, f"The derivation was not reached: debugging took {spent}."
        return
    core = [one for one in gate.questions if one.core]
    right = sum(bool(one.right) for one in core)
    if gate.passed:
        more = f": {plural(gate.extra_minutes, 'more minute', 'more minutes')}" if gate.extra_minutes else ""
        yield True, f"All {len(core)} costs that count were derived{more}."
    else:
        lost = ", so there was no more time" if opens_more else ""
        yield False, f"{right} of {len(core)} costs that count were derived{lost}."


def of_verdict(kind: str, verdict: Mapping[str, Any] | None) -> Iterator[tuple[bool, str]]:
    """What the last verdict of a follow-up says."""
    if verdict is None or verdict["outcome"] == "error":
        return
    properties = {one["name"]: one for one in verdict["properties"]}
    if kind == "kv_cache":
        yield from _cache(properties)
    elif kind in ("classifier", "token_classifier"):
        yield from _head(properties)


def _cache(properties: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[bool, str]]:
    patterns = {
        name.removeprefix(PATTERNS): one for name, one in properties.items() if name.startswith(PATTERNS)
    }
    apart = [name for name, one in patterns.items() if one["status"] == "broken"]
    if apart:
        which = f"{len(apart)} of {len(patterns)} decode patterns depart ({', '.join(apart)})"
        if {"single", "prefill"} & set(apart):
            yield False, f"{which}: the offset is the cache's length before the append."
        else:
            yield False, f"{which}: several new tokens over a filled cache need a mask moved by its length."
    proof = (properties.get("own_proof") or {}).get("data") or {}
    if proof and not proof.get("written"):
        yield False, "check_parity() was never written: 0 of the patterns were proven by the file itself."
    held = [one for one in patterns.values() if one["status"] == "held"]
    if patterns and len(held) == len(patterns):
        proven = ", and the file proves it" if proof.get("called") else ""
        yield True, f"All {len(held)} decode patterns equal no cache{proven}."


def _head(properties: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[bool, str]]:
    wrong = next(
        (properties[name] for name in SHAPES if properties.get(name, {}).get("status") == "broken"), None
    )
    if wrong is not None:
        yield False, f"The output's shape is not a classifier's. {wrong['detail']}"
    elif properties.get("pooled", {}).get("status") == "held":
        yield True, "The tokens are pooled into one score for each class."
