"""What the hostile suite tries, and which rows of the table of attacks each of its tests stands for.

An *attempt* is a function that runs inside a jail and returns what it got, or raises what stopped it; it is
made with layers left out as well (test_layers.py). A *scenario* is a test of its own, for what no layer that
can be left out stops: deadlines, bounds, forks, the examiner's distrust.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import pytest

Made = Callable[[], object]
T = TypeVar("T", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One function to run inside."""

    function: Made
    rows: tuple[str, ...]  # of the table; none: found by thinking of this system
    level: str  # the lowest that promises to hold it
    alone: bool  # in a process of its own: what stops it kills
    impossible: bool  # Linux itself refuses it to everybody

    @property
    def name(self) -> str:
        return self.function.__name__.replace("_", " ")

    @property
    def group(self) -> str:
        return self.function.__module__.rpartition(".")[2]

    @cached_property
    def source(self) -> str:
        """The function without its decorators, to be run elsewhere."""
        tree = ast.parse(textwrap.dedent(inspect.getsource(self.function)))
        function = tree.body[0]
        assert isinstance(function, ast.FunctionDef)
        function.decorator_list, function.returns = [], None
        return ast.unparse(tree)


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One test, and what holds the attack that it makes."""

    name: str
    group: str
    rows: tuple[str, ...]
    held_by: str


ATTEMPTS: dict[str, Attempt] = {}
SCENARIOS: dict[str, Scenario] = {}


def load_all() -> None:
    """Imports every file of the suite, so that all is registered whichever of them pytest was told to run."""
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if path.stem not in ("become", "conftest", "layers"):
            importlib.import_module(f"tests.sandbox.escapes.{path.stem}")


def attempt(
    *rows: str, level: str = "landlock", alone: bool = False, impossible: bool = False
) -> Callable[[Made], Made]:
    """Registers a function as an attempt that stands for these rows."""

    def register(function: Made) -> Made:
        made = Attempt(function=function, rows=rows, level=level, alone=alone, impossible=impossible)
        ATTEMPTS[made.name] = made
        return function

    return register


def several(
    group: str, attacks: dict[str, str], *, held_by: str, rows: dict[str, tuple[str, ...]] | None = None
) -> dict[str, str]:
    """Registers attacks by their names, each a text that one parametrised test makes something of."""
    assert not (rows or {}).keys() - attacks.keys()
    for name in attacks:
        SCENARIOS[name] = Scenario(name=name, group=group, rows=(rows or {}).get(name, ()), held_by=held_by)
    return attacks


def each(attacks: dict[str, str], *, core: int) -> pytest.MarkDecorator:
    """Runs a test on each of several attacks; one in so many of them is of the core, which `make test` runs."""
    params = [
        pytest.param(body, id=name, marks=[] if number % core == 0 else pytest.mark.matrix)
        for number, (name, body) in enumerate(attacks.items())
    ]
    return pytest.mark.parametrize("attack", params)


def scenario(*rows: str, held_by: str) -> Callable[[T], T]:
    """Registers a test as a scenario that stands for these rows."""

    def register(test: T) -> T:
        name = test.__name__.removeprefix("test_").replace("_", " ")
        group = test.__module__.rpartition(".")[2].removeprefix("test_")
        SCENARIOS[name] = Scenario(name=name, group=group, rows=rows, held_by=held_by)
        return test

    return register
