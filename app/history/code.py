"""What can be read off a program without running it: whom it calls, and whether a mask is a factor."""

from __future__ import annotations

import ast
from collections.abc import Iterator

MASKS = ("mask", "tril", "causal", "visible", "past", "future")


def calls(source: str) -> frozenset[str]:
    """The methods that a program calls, by name; none where it can't be read."""
    nodes = _nodes(source)
    return frozenset(
        node.func.attr
        for node in nodes
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    )


def multiplied_mask(source: str) -> int | None:
    """The first line that multiplies something by a mask; times a number it may be meant to be added."""
    lines = []
    for node in _nodes(source):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            factors = [node.left, node.right]
        elif isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Mult):
            factors = [node.target, node.value]
        else:
            continue
        if any(_is_a_mask(one) for one in factors) and not any(_is_a_number(one) for one in factors):
            lines.append(node.lineno)
    return min(lines, default=None)


def _nodes(source: str) -> Iterator[ast.AST]:
    try:
        yield from ast.walk(ast.parse(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return


def _is_a_mask(node: ast.expr) -> bool:
    """By the name of what is taken, whatever is cut from it or called on it."""
    while True:  # a chain may be longer than Python's own stack
        match node:
            case ast.Name(id=name):
                return _says_mask(name)
            case ast.Attribute(attr=name) if _says_mask(name):
                return True
            case ast.Attribute(value=inside) | ast.Subscript(value=inside):
                node = inside
            case ast.Call(func=inside) | ast.Compare(left=inside):
                node = inside
            case _:
                return False


def _says_mask(name: str) -> bool:
    return any(part in name.lower() for part in MASKS)


def _is_a_number(node: ast.expr) -> bool:
    while isinstance(node, ast.UnaryOp):
        node = node.operand
    match node:
        case ast.Constant() | ast.Call(func=ast.Name(id="float")):
            return True
    return False
