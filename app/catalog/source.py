"""Places in a program's text: definitions by qualified name, its own sentence, and edits spliced in."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

SENTENCE_NAME = "SENTENCE"
LONGEST = 120  # what a judge's text may have at most, since block_size holds 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Replace text[start:end] by `text`."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A class or function: its span includes decorators and starts at the beginning of a line."""

    kind: str  # class | function | method
    indent: str
    start: int
    end: int


def splice(text: str, edits: Sequence[Edit]) -> tuple[str, list[int]]:
    """The text with every edit in place, and where each edit starts in it, in the order given.

    Raises ValueError when two edits overlap.
    """
    out: list[str] = []
    at = length = 0
    starts: dict[int, int] = {}
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        if edit.start < at:
            raise ValueError("two edits overlap")
        length += edit.start - at
        starts[id(edit)] = length
        out += text[at : edit.start], edit.text
        length += len(edit.text)
        at = edit.end
    return "".join([*out, text[at:]]), [starts[id(edit)] for edit in edits]


@lru_cache(maxsize=32)  # the few shapes of a pack are asked for at every draw
def definitions(text: str) -> Mapping[str, Definition]:
    """Every class, function and method of a program, by qualified name."""
    offsets = line_offsets(text)
    found: dict[str, Definition] = {}

    def visit(node: ast.AST, prefix: str, inside_class: bool) -> None:
        for child in ast.iter_child_nodes(node):
            if not isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            is_class = isinstance(child, ast.ClassDef)
            name = prefix + child.name
            first = min([child.lineno, *(decorator.lineno for decorator in child.decorator_list)])
            found[name] = Definition(
                kind="class" if is_class else "method" if inside_class else "function",
                indent=" " * child.col_offset,
                start=offsets[first - 1],
                end=offsets[child.end_lineno or child.lineno],
            )
            visit(child, name + ".", is_class)

    visit(ast.parse(text), "", False)
    return MappingProxyType(found)


@lru_cache(maxsize=32)
def sentence_literal(text: str) -> tuple[int, int, str] | None:
    """Where a program says `SENTENCE = "..."` at its top level, as the literal's span, and what it says."""
    offsets = line_offsets(text)
    for node in ast.parse(text).body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(value)) as literal):
                if name == SENTENCE_NAME:
                    return (*_span(literal, text, offsets), value)
    return None


def own_sentence(text: str) -> str | None:
    """The sentence that a program names as its own, None when it names none that can be judged with."""
    try:
        found = sentence_literal(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if found is None or not 2 <= len(found[2]) <= LONGEST or len(set(found[2])) < 2:
        return None
    return found[2]


def line_offsets(text: str) -> list[int]:
    """The offset at which each line starts, and the text's length last."""
    offsets = [0]
    for line in text.splitlines(keepends=True):
        offsets.append(offsets[-1] + len(line))
    return offsets


def _span(node: ast.expr, text: str, offsets: list[int]) -> tuple[int, int]:
    def offset(line: int, column: int) -> int:  # ast counts columns in UTF-8 bytes
        start = offsets[line - 1]
        return start + len(text[start:].encode()[:column].decode())

    return (
        offset(node.lineno, node.col_offset),
        offset(node.end_lineno or node.lineno, node.end_col_offset or 0),
    )
