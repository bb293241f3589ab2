"""Where a follow-up starts: a program that was debugged, with the given class and the stubs put in."""

from __future__ import annotations

import ast

from app.catalog.source import line_offsets

_IMPORT = "import torch\n"


def with_given(source: str, given: str) -> str:
    """The source with what is given before its `if __name__ == "__main__":`, or at its end.

    Names of its own that stand in the way are left alone: what comes later in a file counts. A source that
    does not parse gets it at its end.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        tree = ast.Module(body=[], type_ignores=[])
    text = given.removeprefix(_IMPORT).strip("\n") if _imports_torch(tree) else given.strip("\n")
    at = _guard(source, tree)
    before, after = source[:at].rstrip("\n"), source[at:].lstrip("\n")
    return f"{before}\n\n\n{text}\n" + (f"\n\n{after}" if after else "")


def _imports_torch(tree: ast.Module) -> bool:
    return any(
        isinstance(node, ast.Import)
        and any(alias.name == "torch" and not alias.asname for alias in node.names)
        for node in tree.body
    )


def _guard(source: str, tree: ast.Module) -> int:
    for node in tree.body:
        if isinstance(node, ast.If) and any(_is_name(part) for part in ast.walk(node.test)):
            return line_offsets(source)[node.lineno - 1]
    return len(source)


def _is_name(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == "__name__"
