"""Whether a file proves its own parity: what check_parity() says, and whether running the file leads to it.

Read off the text alone, in the examiner. It is reported and never judged.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from sandbox.bugs import UNREADABLE

NAME = "check_parity"


@dataclass(frozen=True)
class Proof:
    written: bool  # its body does something
    called: bool  # the file calls it when it is run


def own_proof(source: str) -> Proof:
    try:
        tree = ast.parse(source)
    except UNREADABLE:
        return Proof(written=False, called=False)
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    written = NAME in functions and not _is_empty(functions[NAME])
    reached, new = set[str](), _calls([node for node in tree.body if not _defines(node)])
    while new:
        reached |= new
        new = {name for one in new if one in functions for name in _calls(functions[one].body)} - reached
    return Proof(written=written, called=written and NAME in reached)


def _is_empty(function: ast.FunctionDef) -> bool:
    """Nothing but a docstring, pass, ..., a bare return, or a raised NotImplementedError."""
    return all(
        isinstance(node, ast.Pass)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        or (isinstance(node, ast.Return) and (node.value is None or isinstance(node.value, ast.Constant)))
        or (isinstance(node, ast.Raise) and "NotImplementedError" in ast.dump(node))
        for node in function.body
    )


def _defines(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef | ast.ClassDef)


def _calls(nodes: list[ast.stmt]) -> set[str]:
    """Names of functions that are called somewhere in these statements."""
    return {
        child.func.id
        for node in nodes
        for child in ast.walk(node)
        if isinstance(child, ast.Call) and isinstance(child.func, ast.Name)
    }
