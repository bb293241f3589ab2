"""A verdict as lines of text for a terminal, in the words of the site."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from app.web.reading import Fact, Reading, read_verdict

SIGNS = {"pass": "✓", "fail": "✗", "blocked": "?"}
NAMED = 3  # properties that could not be tried; the rest are counted


def report(path: str, verdict: Mapping[str, Any] | None, *, fault: str | None, remark: str) -> str:
    """Everything there is to say about one file."""
    reading = read_verdict(verdict, message=fault)
    lines = [f"{path}: {reading.headline}", f"  {reading.sentence}"]
    if reading.failure:
        lines += _frames(reading.failure)
    lines += _criteria(reading)
    lines += _truth(reading)
    lines += _bugs(reading, (verdict or {}).get("bugs", ()))
    lines += [f"  Note: {note}" for note in reading.notes]
    if remark:
        lines.append(f"  {remark}")
    return "\n".join(lines)


def _frames(failure: Mapping[str, Any]) -> Iterator[str]:
    for frame in failure.get("traceback") or ():
        yield f"    line {frame['line']}, in {frame['function']}: {frame['text']}"


def _criteria(reading: Reading) -> Iterator[str]:
    if reading.saw:
        yield f"  What the interviewer sees: {reading.saw_passed} of {len(reading.saw)}"
        yield from map(_line, reading.saw)


def _truth(reading: Reading) -> Iterator[str]:
    held, tried = reading.held_of
    if tried:
        yield f"  What is true: {held} of {tried}"
        yield from map(_line, [*reading.broken, *reading.more])
    if reading.blocked:
        titles = [fact.title for fact in reading.blocked]
        more = f" and {len(titles) - NAMED} more" if len(titles) > NAMED else ""
        yield f"    ? Could not be tried: {'; '.join(titles[:NAMED])}{more}"


def _bugs(reading: Reading, bugs: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if reading.slots:
        yield f"  Bugs: {reading.slots_words}"
        for slot, bug in zip(reading.slots, bugs, strict=True):
            name = f" ({bug['id']})" if "id" in bug else ""
            yield f"    {SIGNS[slot.sign]} {slot.title}{name}"


def _line(fact: Fact) -> str:
    detail = f": {fact.detail}" if fact.detail else ""
    where = f" ({fact.where})" if fact.where else ""
    return f"    {SIGNS[fact.sign]} {fact.title}{where}{detail}"
