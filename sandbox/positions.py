"""Finds the tables of tokens and of positions among a model's parameters by where their gradients fall."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

_LEAST_ROWS = 32  # a position table has a row for each of at least this many positions


@dataclass(frozen=True)
class Table:
    """A parameter that is read a row at a time."""

    name: str
    dim: int  # the dimension that counts its rows
    size: int  # rows
    used: tuple[int, ...]  # rows that a text reached

    def rows(self, value: Tensor) -> Tensor:
        """The rows of the table's value, flat: (rows, features)."""
        return value.movedim(self.dim, 0).flatten(1)


def find_position_table(gradients: dict[str, Tensor | None], *, T: int, tokens: set[int]) -> Table | None:
    """The parameter that a text of T tokens reaches in T rows, whatever its tokens are; else in a single row.

    `tokens` are the ids of the text; they must be neither 0 ... T - 1 nor the last T rows of a table.
    """
    rows = [table for name, gradient in gradients.items() for table in _tables(name, gradient)]
    rows = [table for table in rows if set(table.used) != tokens and table.size >= _LEAST_ROWS]
    contiguous = [t for t in rows if len(t.used) == T and t.used[-1] - t.used[0] == T - 1]
    return next(iter(contiguous), None) or next((t for t in rows if len(t.used) == 1), None)


def read_by_position(gradients: dict[str, Tensor | None], *, T: int) -> set[str]:
    """The parameters that a text of T tokens reaches in T rows of more, one after the other."""
    tables = (table for name, gradient in gradients.items() for table in _tables(name, gradient))
    return {t.name for t in tables if len(t.used) == T and t.used[-1] - t.used[0] == T - 1}


def find_token_table(gradients: dict[str, Tensor | None], *, tokens: set[int]) -> Table | None:
    """The parameter that the text reaches in the rows of its tokens; None where the head has the same table.

    The text must leave out a token of the vocabulary.
    """
    return next(_read_by(gradients, tokens), None)


def read_by_token(gradients: dict[str, Tensor | None], *, tokens: set[int]) -> set[str]:
    """The parameters that the text reaches in the rows of its tokens: embeddings of values too, say."""
    return {table.name for table in _read_by(gradients, tokens)}


def _read_by(gradients: dict[str, Tensor | None], tokens: set[int]) -> Iterator[Table]:
    tables = (table for name, gradient in gradients.items() for table in _tables(name, gradient))
    return (table for table in tables if set(table.used) == tokens)


def _tables(name: str, gradient: Tensor | None) -> list[Table]:
    """Each way of reading a gradient as one of a table, some of whose rows were reached."""
    if gradient is None or gradient.dim() < 2:
        return []
    tables = []
    for dim, size in enumerate(gradient.shape):
        reached = gradient.movedim(dim, 0).flatten(1).any(dim=1)
        if 0 < int(reached.sum()) < size:
            tables.append(Table(name, dim, size, tuple(reached.nonzero().flatten().tolist())))
    return tables
