"""Plays the edits of a stage again: the draft after each, and the lines that it touched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from app.operations import apply_all, line_at


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit as it was recorded."""

    seq: int
    at_ms: int
    kind: str  # ops | reset | resync | checkpoint
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Moment:
    """The draft right after an edit; `lines` (from 1) are where its operations began, one for each."""

    seq: int
    at_ms: int
    text: str
    lines: tuple[int, ...]


def replay(starter: str, edits: Iterable[Edit]) -> Iterator[Moment]:
    """The draft after every edit that could change it, in their order. A whole text touches no line."""
    text = starter
    for edit in edits:
        if edit.kind == "checkpoint":
            continue
        lines: list[int] = []
        if edit.kind == "reset":
            text = starter
        elif edit.kind == "resync":
            text = edit.payload["text"]
        else:
            for position, gone, come in edit.payload["ops"]:
                lines.append(line_at(text, position))
                text = apply_all(text, [(position, gone, come)])
        yield Moment(seq=edit.seq, at_ms=edit.at_ms, text=text, lines=tuple(lines))
