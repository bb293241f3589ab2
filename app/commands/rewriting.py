"""Copies of a program that say the same otherwise: names changed, definitions reordered, a function inlined.

A judge that goes by behaviour gives a copy the verdict of its original.
"""

from __future__ import annotations

import ast
import builtins
import copy
from collections.abc import Collection, Iterator

CONTRACT = frozenset(
    {
        *("train", "generate", "SENTENCE"),
        *("new_caches", "generate_cached", "check_parity"),
        *("GPTConfig", "GPTClassifier", "GPT"),
    }
)
Function = ast.FunctionDef | ast.Lambda


def rewritten(source: str) -> str:
    """The program with a function inlined where one can be, other names, and another order."""
    tree = ast.parse(source)
    _inline_one(tree)
    tree = _with_new_names(tree)
    _reorder(tree)
    return ast.unparse(ast.fix_missing_locations(tree))


def with_other_locals(source: str, paths: Collection[str]) -> str:
    """The program with other names for the variables of the functions at these dotted paths."""
    tree = ast.parse(source)
    taken = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    module_names = _bound_at_the_top(tree)
    for path, function in _functions_by_path(tree):
        if path in paths or path.rpartition(".")[0] in paths:
            _rename_locals(function, keep=module_names, taken=taken)
    return ast.unparse(tree)


# Names


def _with_new_names(tree: ast.Module) -> ast.Module:
    texts = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    module_names = _bound_at_the_top(tree)
    taken = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    top = {
        node.name: _fresh(f"{node.name}Other", taken)
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and node.name not in CONTRACT
        and not any(node.name in text for text in texts)
    }
    for function in _outermost_functions(tree):
        _rename_locals(function, keep=module_names, taken=taken)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in top:
            node.name = top[node.name]
    _Rename(top).visit(tree)
    return tree


def _rename_locals(function: ast.FunctionDef, *, keep: set[str], taken: set[str]) -> None:
    local = {name: _fresh(f"{name}_other", taken) for name in _locals(function) - keep}
    _Rename(local).visit(function)


class _Rename(ast.NodeTransformer):
    def __init__(self, names: dict[str, str]):
        self._names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        node.id = self._names.get(node.id, node.id)
        return node


def _fresh(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    taken.add(name)
    return name


def _bound_at_the_top(tree: ast.Module) -> set[str]:
    names = set(dir(builtins))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        else:
            names |= _stored(node)
    return names


def _outermost_functions(node: ast.AST) -> Iterator[ast.FunctionDef]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef):
            yield child
        else:
            yield from _outermost_functions(child)


def _functions_by_path(node: ast.AST, prefix: str = "") -> Iterator[tuple[str, ast.FunctionDef]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef):
            yield prefix + child.name, child
        elif isinstance(child, ast.ClassDef):
            yield from _functions_by_path(child, f"{prefix}{child.name}.")


def _locals(function: ast.FunctionDef) -> set[str]:
    """Names that are only ever variables of the function: no parameter, import or outer name."""
    kept: set[str] = set()
    for node in ast.walk(function):
        match node:
            case ast.arg(arg=name):
                kept.add(name)
            case ast.FunctionDef(name=name):
                kept.add(name)
            case ast.ClassDef(name=name, body=body):  # what is stored in its body is an attribute
                attributes = [_stored(one) for one in body if not isinstance(one, ast.FunctionDef)]
                kept = kept.union({name}, *attributes)
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                kept |= set(names)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                kept |= {(alias.asname or alias.name).partition(".")[0] for alias in aliases}
    return _stored(function) - kept


def _stored(node: ast.AST) -> set[str]:
    return {
        child.id
        for child in ast.walk(node)
        if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store)
    }


# Order


def _reorder(tree: ast.Module) -> None:
    """Each run of definitions backwards, as far as what they need when they are made allows."""
    body: list[ast.stmt] = []
    run: list[ast.stmt] = []
    for node in [*tree.body, None]:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            run.append(node)
            continue
        body += _backwards(run)
        run = []
        if node is not None:
            body.append(node)
    tree.body = body


def _backwards(run: list[ast.stmt]) -> list[ast.stmt]:
    waiting, made = list(reversed(run)), list[ast.stmt]()
    while waiting:
        names = {getattr(node, "name", "") for node in waiting}
        ready = next(
            node for node in waiting if not _needed_at_once(node) & (names - {getattr(node, "name", "")})
        )
        waiting.remove(ready)
        made.append(ready)
    return made


def _needed_at_once(node: ast.AST) -> set[str]:
    """Names that are looked up while a definition is made: outside the bodies of functions."""
    if isinstance(node, ast.FunctionDef):
        parts = [*node.decorator_list, node.args, *([node.returns] if node.returns else [])]
        return {name for part in parts for name in _needed_at_once(part)}
    found = {node.id} if isinstance(node, ast.Name) else set()
    return found | {name for child in ast.iter_child_nodes(node) for name in _needed_at_once(child)}


# Inlining


def _inline_one(tree: ast.Module) -> None:
    """Puts the first function that is a straight line into the first statement that is made of its call."""
    for function in tree.body:
        if isinstance(function, ast.FunctionDef) and function.name not in CONTRACT and _is_straight(function):
            for block in _blocks(tree):
                for i, statement in enumerate(block):
                    if (values := _call_of(function, statement)) is not None:
                        block[i : i + 1] = _in_place(function, values, statement)
                        return


def _is_straight(function: ast.FunctionDef) -> bool:
    *body, last = function.body
    arguments = function.args
    plain = not (arguments.vararg or arguments.kwarg or arguments.kwonlyargs or arguments.posonlyargs)
    simple = all(isinstance(node, ast.Assign | ast.AugAssign | ast.Expr) for node in body)
    nested = any(
        isinstance(node, Function | ast.Yield | ast.comprehension)
        for child in body
        for node in ast.walk(child)
    )
    return plain and simple and not nested and not function.decorator_list and isinstance(last, ast.Return)


def _blocks(tree: ast.Module) -> Iterator[list[ast.stmt]]:
    for function in _outermost_functions(tree):
        for node in ast.walk(function):
            for name in ("body", "orelse"):
                block = getattr(node, name, None)
                if isinstance(block, list):
                    yield block


def _call_of(function: ast.FunctionDef, statement: ast.stmt) -> list[ast.expr] | None:
    """The arguments, where a statement assigns a call of the function that gives all of them by position."""
    match statement:
        case ast.Assign(value=ast.Call(func=ast.Name(id=name), args=values, keywords=[])):
            starred = any(isinstance(value, ast.Starred) for value in values)
            if name == function.name and len(values) == len(function.args.args) and not starred:
                return values
    return None


def _in_place(function: ast.FunctionDef, values: list[ast.expr], statement: ast.stmt) -> list[ast.stmt]:
    parameters = [argument.arg for argument in function.args.args]
    own = {*parameters, *_stored(function)}
    body: list[ast.stmt] = copy.deepcopy(function.body)
    for node in body:
        _Rename({name: f"inlined_{name}" for name in own}).visit(node)
    given = [
        ast.Assign(targets=[ast.Name(id=f"inlined_{name}", ctx=ast.Store())], value=value)
        for name, value in zip(parameters, values, strict=True)
    ]
    *lines, last = body
    assert isinstance(statement, ast.Assign) and isinstance(last, ast.Return)
    result = ast.Assign(targets=statement.targets, value=last.value or ast.Constant(value=None))
    return [*given, *lines, result]
