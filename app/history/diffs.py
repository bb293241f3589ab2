"""Two versions of a program, line by line, as hunks that a page can draw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from app.history.places import place_of

CONTEXT = 3  # lines that are kept around a change
MOST_PAIRS = (
    40_000  # of equal lines, for a comparison of a third of a second; a real program has some thousand
)
POPULAR_FROM = 200  # lines, where difflib leaves out what makes more than a hundredth of them

Opcode = tuple[str, int, int, int, int]  # difflib's: what is done, and to which lines of either version


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line: `old` and `new` are its numbers in either version, from 1."""

    kind: Literal["same", "del", "add"]
    old: int | None
    new: int | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hunk:
    """Lines that changed, with a few around them; `where` is the definition that they begin in."""

    where: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Diff:
    added: int
    removed: int
    hunks: tuple[Hunk, ...]


def diff(before: str, after: str) -> Diff:
    """What turns one text into the other."""
    old, new = _lines_of(before), _lines_of(after)
    hunks = tuple(_hunk(old, new, opcodes) for opcodes in _grouped(old, new))
    kinds = [line.kind for hunk in hunks for line in hunk.lines]
    return Diff(added=kinds.count("add"), removed=kinds.count("del"), hunks=hunks)


def _grouped(old: Sequence[str], new: Sequence[str]) -> Iterable[Sequence[Opcode]]:
    """What changed; one change in all where lines repeat so often that to compare them takes minutes."""
    rare = len(new) // 100 + 1 if len(new) >= POPULAR_FROM else len(new)
    often = Counter(old)
    pairs = sum(count * often[line] for line, count in Counter(new).items() if count <= rare)
    if pairs > MOST_PAIRS:
        return [[("replace", 0, len(old), 0, len(new))]]
    return SequenceMatcher(None, old, new).get_grouped_opcodes(CONTEXT)


def _lines_of(text: str) -> list[str]:
    return text.replace("\r\n", "\n").removesuffix("\n").split("\n")


def _hunk(old: Sequence[str], new: Sequence[str], opcodes: Sequence[Opcode]) -> Hunk:
    lines = tuple(line for opcode in opcodes for line in _lines(old, new, opcode))
    changed = next(line for line in lines if line.kind != "same")
    place = place_of(old, changed.old) if changed.old is not None else place_of(new, changed.new or 1)
    return Hunk(where=place, lines=lines)


def _lines(old: Sequence[str], new: Sequence[str], opcode: Opcode) -> Iterator[Line]:
    tag, old_start, old_end, new_start, new_end = opcode
    if tag == "equal":
        for offset in range(old_end - old_start):
            number = old_start + offset
            yield Line(kind="same", old=number + 1, new=new_start + offset + 1, text=old[number])
        return
    for number in range(old_start, old_end):
        yield Line(kind="del", old=number + 1, new=None, text=old[number])
    for number in range(new_start, new_end):
        yield Line(kind="add", old=None, new=number + 1, text=new[number])
