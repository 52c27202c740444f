"""Many rows by few statements.

A statement that sets off triggers has a price of its own: 64 rows by one take a third
of the time that they take by 64. And around each of them Python gives up its lock,
which a kernel that computes gives back 5 ms later, while the write lock is held.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, TypeVar

T = TypeVar("T")

# Few, as a connection keeps the statements that it has seen by their text; and small
# enough for the 999 parameters that SQLite takes at most before 3.32.
_SIZES = (64, 16, 8, 4, 2, 1)


def insert(
    connection: sqlite3.Connection,
    statement: str,
    rows: Sequence[Sequence[object]],
    end: str = "",
) -> None:
    """Runs an `INSERT INTO …` that lacks its values, which are the rows', and what
    follows them: `end`."""
    for part in _parts(rows):
        connection.execute(
            _values(statement, len(part[0]), len(part), end),
            [value for row in part for value in row],
        )


def matching(
    connection: sqlite3.Connection, query: str, values: Sequence[object]
) -> list[tuple[Any, ...]]:
    """The rows of a query that ends with `IN`, for each of the values."""
    rows: list[tuple[Any, ...]] = []
    for begin in range(0, len(values), _SIZES[0]):
        part = values[begin : begin + _SIZES[0]]
        size = min(size for size in _SIZES if size >= len(part))
        # Nothing equals null.
        padded = [*part, *[None] * (size - len(part))]
        rows += connection.execute(_among(query, size), padded).fetchall()
    return rows


def change(
    connection: sqlite3.Connection, statement: str, values: Sequence[object]
) -> None:
    """Runs a statement that ends with `IN`, for each of the values."""
    matching(connection, statement, values)


def _parts(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    begin = 0
    for size in _SIZES:
        while len(rows) - begin >= size:
            yield rows[begin : begin + size]
            begin += size


@lru_cache(maxsize=64)
def _values(statement: str, columns: int, rows: int, end: str) -> str:
    row = f"({', '.join('?' * columns)})"
    return f"{statement} VALUES {', '.join([row] * rows)}{end}"


@lru_cache(maxsize=64)
def _among(query: str, size: int) -> str:
    return f"{query} ({', '.join('?' * size)})"
