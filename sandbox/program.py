"""A program as its definitions: found by name, compared whatever their layout, put into one another."""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Collection, Iterator
from functools import cached_property

Definition = ast.FunctionDef | ast.ClassDef
ENTRIES = (  # what the contracts call
    *("train", "generate", "new_caches", "generate_cached"),
    *("GPTClassifier", "GPT"),
)


class Program:
    """A source. Raises SyntaxError, ValueError, RecursionError or MemoryError for one that does not parse."""

    def __init__(self, source: str):
        self.tree = ast.parse(source)

    @cached_property
    def definitions(self) -> dict[str, Definition]:
        """Classes and functions at the top level; none whose name is defined twice."""
        found = [node for node in self.tree.body if isinstance(node, Definition)]
        count = Counter(node.name for node in found)
        return {node.name: node for node in found if count[node.name] == 1}

    @cached_property
    def functions(self) -> dict[str, ast.FunctionDef]:
        """Functions and methods by dotted path; none whose path comes twice."""
        found = list(_functions(self.tree, ""))
        count = Counter(path for path, _ in found)
        return {path: node for path, node in found if count[path] == 1}

    def text(self, path: str) -> str | None:
        """A function as one text, whatever its layout and comments."""
        node = self.functions.get(path)
        return None if node is None else ast.unparse(node)

    def enclosing(self, first: int, last: int) -> str | None:
        """The path of the innermost function that holds these lines."""
        holding = [
            (node.lineno, path)
            for path, node in self.functions.items()
            if node.lineno <= first and last <= (node.end_lineno or node.lineno)
        ]
        return max(holding)[1] if holding else None

    @cached_property
    def reached(self) -> frozenset[str]:
        """Names that what the contract calls leads to, by name alone."""
        leads = {node.name: _names(node) for node in self.tree.body if isinstance(node, Definition)}
        for node in self.tree.body:
            if isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for target in targets:
                    for name in _names(target):
                        leads[name] = leads.get(name, set()) | _names(node)
        reached, new = set[str](), set(ENTRIES)
        while new:
            reached |= new
            new = {name for one in new for name in leads.get(one, ())} - reached
        return frozenset(reached)

    def with_functions(self, other: Program, paths: Collection[str]) -> Program:
        """The program with the functions at these paths taken from another one."""
        return self._changed(_Exchange({path: other.functions[path] for path in paths}))

    def hosted_by(self, host: Program, *, keep: str) -> Program:
        """One definition of this program, and all that is new in it, among the definitions of the host.

        Classes that only hold fields stay this program's: a configuration may have gained some.
        """
        taken = {
            name: node
            for name, node in host.definitions.items()
            if name != keep and not (name in self.definitions and _only_fields(self.definitions[name]))
        }
        composed = self._changed(_Exchange(taken))
        missing = [node for name, node in taken.items() if name not in self.definitions]
        guards = [i for i, node in enumerate(composed.tree.body) if isinstance(node, ast.If)]
        at = guards[-1] if guards else len(composed.tree.body)
        composed.tree.body[at:at] = copy.deepcopy(missing)
        return composed

    def unparsed(self) -> str:
        return ast.unparse(self.tree)

    def _changed(self, exchange: _Exchange) -> Program:
        changed = copy.copy(self)
        for name in ("definitions", "functions", "reached"):
            changed.__dict__.pop(name, None)
        changed.tree = ast.fix_missing_locations(exchange.visit(copy.deepcopy(self.tree)))
        return changed


class _Exchange(ast.NodeTransformer):
    """Puts other definitions in the place of those that have their dotted paths."""

    def __init__(self, taken: dict[str, Definition] | dict[str, ast.FunctionDef]):
        self._taken = taken
        self._path: list[str] = []

    def _visit_definition(self, node: Definition) -> ast.AST:
        path = ".".join([*self._path, node.name])
        if path in self._taken:
            return copy.deepcopy(self._taken[path])
        self._path.append(node.name)
        try:
            return self.generic_visit(node)
        finally:
            self._path.pop()

    visit_FunctionDef = visit_ClassDef = _visit_definition


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.FunctionDef]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Definition):
            path = prefix + child.name
            if isinstance(child, ast.FunctionDef):
                yield path, child
            yield from _functions(child, path + ".")
        else:
            yield from _functions(child, prefix)


def _names(node: ast.AST) -> set[str]:
    return {child.id for child in ast.walk(node) if isinstance(child, ast.Name)}


def _only_fields(node: Definition) -> bool:
    return isinstance(node, ast.ClassDef) and not any(
        isinstance(child, ast.FunctionDef) for child in node.body
    )
