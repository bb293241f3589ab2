"""Reads TOML tables field by field, so that a mistake in a pack is named with its file and place."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from app.errors import SetupError

T = TypeVar("T")
FORMAT = 1


class Fields:
    """One table; every field is taken once, and `end` refuses what was not asked for."""

    def __init__(self, values: Mapping[str, Any], where: str) -> None:
        self._values = dict(values)
        self.where = where

    def take(self, name: str, kind: type[T], default: T | None = None) -> T:
        value = self._values.pop(name, default)
        if value is None:
            raise broken(self.where, f"`{name}` is missing")
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise broken(self.where, f"`{name}` must be {_called(kind)}, not {value!r}")
        return value

    def text(self, name: str) -> str:
        """A string that says something."""
        value = self.take(name, str)
        if not value.strip():
            raise broken(self.where, f"`{name}` is empty")
        return value

    def one_of(self, name: str, allowed: Iterable[str], default: str | None = None) -> str:
        value = self.take(name, str, default)
        if value not in allowed:
            raise broken(self.where, f"`{name}` is {value!r}, not one of {', '.join(allowed)}")
        return value

    def texts(self, name: str, default: list[str] | None = None) -> tuple[str, ...]:
        values = self.take(name, list, default)
        if not all(isinstance(value, str) and value.strip() for value in values):
            raise broken(self.where, f"`{name}` must be a list of strings")
        return tuple(values)

    def tables(self, name: str) -> list[Fields]:
        values = self.take(name, list)
        if not all(isinstance(value, dict) for value in values):
            raise broken(self.where, f"`{name}` must be a list of tables")
        return [Fields(value, f"{self.where}, {name} {n}") for n, value in enumerate(values, start=1)]

    def items(self, name: str) -> dict[str, Any]:
        return self.take(name, dict)

    def names(self) -> list[str]:
        """The fields that were not taken yet."""
        return list(self._values)

    def end(self) -> None:
        if self._values:
            raise broken(self.where, f"unknown field {', '.join(f'`{name}`' for name in self._values)}")


def read_toml(path: Path) -> Fields:
    """The file's top table, its `format` checked and taken."""
    try:
        fields = Fields(tomllib.loads(read_text(path)), str(path))
    except tomllib.TOMLDecodeError as error:
        raise broken(str(path), f"is not valid TOML: {error}") from error
    if (number := fields.take("format", int)) != FORMAT:
        raise broken(str(path), f"has format {number}; this Overfit reads format {FORMAT}")
    return fields


def read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise broken(str(path), "is missing") from error
    except (OSError, UnicodeDecodeError) as error:
        raise broken(str(path), f"can't be read: {error}") from error


def broken(where: str, what: str) -> SetupError:
    return SetupError(f"{where}: {what}.", hint="Repair the pack; docs/add-a-bug.md shows the form.")


def _called(kind: type) -> str:
    names = {str: "a string", int: "a whole number", bool: "true or false", list: "a list", dict: "a table"}
    return names[kind]
