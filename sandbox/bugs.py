"""The status of each issued bug, judged from the whole file: fixed, broken, or blocked ("can't tell yet").

Never wrongly fixed. The order of the rules is the order of their certainty.
"""

from __future__ import annotations

import ast
from typing import Any

from sandbox.job import IssuedBug, Job


def bug_entries(*, job: Job, properties: list[dict[str, Any]], passed: bool) -> list[dict[str, Any]]:
    """One entry for each bug that the submission was issued with."""
    broken = {entry["name"] for entry in properties if entry["status"] == "broken"}
    statuses = {bug.id: _status(bug, job=job, broken=broken, passed=passed) for bug in job.bugs}
    return [
        {"id": bug.id, "status": statuses[bug.id], "properties": list(bug.properties)} for bug in job.bugs
    ]


def _status(bug: IssuedBug, *, job: Job, broken: set[str], passed: bool) -> str:
    if passed:
        return "fixed"
    if _stands(bug, job.source):
        return "broken"
    others = [other for other in job.bugs if other.id != bug.id and not _surely_gone(other, job)]
    explained = {name for other in others for name in other.properties}
    unexplained = (broken & set(bug.properties)) - explained
    if _definition_restored(bug, source=job.source, shape=job.shape):
        return "blocked" if unexplained else "fixed"  # the restored text may be no longer what runs
    return "broken" if unexplained else "blocked"


def _stands(bug: IssuedBug, source: str) -> bool:
    """Whether the bugged text is there word for word, and the clean one is not."""
    lines, replaced, found = _lines(source), _lines(bug.replace), _lines(bug.find)
    return bool(replaced) and _contains(lines, replaced) and not _contains(lines, found)


def _surely_gone(bug: IssuedBug, job: Job) -> bool:
    return not _stands(bug, job.source) and _definition_restored(bug, source=job.source, shape=job.shape)


def _definition_restored(bug: IssuedBug, *, source: str, shape: str) -> bool:
    """Whether the innermost function that holds the bug reads as in the clean shape, whatever its layout.

    The bug's place is found in the shape by its `find`; a bug outside every function never counts as restored
    this way, nor does one whose function has come twice.
    """
    path = _enclosing(shape, bug.find)
    if path is None:
        return False
    clean, edited = _definitions(shape), _definitions(source)
    return len(edited.get(path, [])) == 1 and edited[path] == clean.get(path)


def _enclosing(shape: str, text: str) -> str | None:
    start = shape.find(text)
    if start < 0 or not text.strip():
        return None
    first = shape.count("\n", 0, start + len(text) - len(text.lstrip())) + 1
    last = first + text.strip().count("\n")
    best: tuple[int, str] | None = None
    for path, node in _functions(shape):
        end = node.end_lineno or node.lineno
        if node.lineno <= first and last <= end and (best is None or node.lineno > best[0]):
            best = (node.lineno, path)
    return best[1] if best else None


def _definitions(source: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for path, node in _functions(source):
        found.setdefault(path, []).append(ast.unparse(node))
    return found


def _functions(source: str) -> list[tuple[str, ast.FunctionDef]]:
    """Every function with its dotted path."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    found: list[tuple[str, ast.FunctionDef]] = []
    open_nodes: list[tuple[str, ast.AST]] = [("", tree)]
    while open_nodes:
        path, node = open_nodes.pop()
        for child in ast.iter_child_nodes(node):
            inner = f"{path}.{child.name}" if isinstance(child, (ast.FunctionDef, ast.ClassDef)) else path
            if isinstance(child, ast.FunctionDef):
                found.append((inner, child))
            open_nodes.append((inner, child))
    return found


def _lines(text: str) -> list[str]:
    """The text's lines with their blanks normalised; empty lines and comments say nothing."""
    lines = (" ".join(line.split()) for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _contains(lines: list[str], part: list[str]) -> bool:
    return any(lines[i : i + len(part)] == part for i in range(len(lines) - len(part) + 1))
