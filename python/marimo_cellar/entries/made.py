"""What an entry was made of besides its cell's code: the rows of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from marimo_cellar.database import bulk

if TYPE_CHECKING:
    from marimo_cellar.entries.inputs import Inputs
    from marimo_cellar.entries.reads import Read

# Bytes of all of a cell's files that are digested; of more, size and time must do.
DIGESTED_BYTES = 64 * 1024 * 1024
# What a kernel waits for itself, some milliseconds.
DIGESTED_AT_ONCE = 1024 * 1024

# The columns of a `Read`.
_READ = "path, how, size, modified_at, digest"


class Made(Struct):
    """Known when the cell, the block or the function ends. `folder` is the notebook's,
    which the files' paths start at; `arguments` are the function's, as JSON."""

    inputs: Inputs | None
    reads: Sequence[Read]
    folder: Path | None
    arguments: str | None = None

    def settle(self, most: int) -> None:
        """Digests the files, up to so many bytes in all. Takes its time; never raises."""
        if self.folder is not None and self.reads:
            with suppress(Exception):
                from marimo_cellar.entries import reads

                self.reads = reads.settled(self.reads, self.folder, most)


def write(connection: sqlite3.Connection, entries: Sequence[tuple[int, Made]]) -> None:
    """Writes it down of entries, by their ids, in the caller's transaction."""
    bulk.insert(
        connection,
        "INSERT INTO inputs (entry_id, inputs)",
        [
            (entry_id, inputs.to_json())
            for entry_id, made in entries
            if (inputs := made.inputs) is not None and (inputs.values or inputs.modules)
        ],
    )
    bulk.insert(
        connection,
        f"INSERT INTO reads (entry_id, {_READ})",
        [
            (entry_id, one.path, one.how, one.size, one.modified_at, one.digest)
            for entry_id, made in entries
            for one in made.reads
        ],
    )
    bulk.insert(
        connection,
        "INSERT INTO calls (entry_id, arguments)",
        [(entry_id, made.arguments) for entry_id, made in entries if made.arguments],
    )


def copy(connection: sqlite3.Connection, source: int, target: int) -> None:
    """Gives what one entry was made of to another that was adopted from it."""
    for table, columns in (
        ("inputs", "inputs"),
        ("reads", _READ),
        ("calls", "arguments"),
    ):
        connection.execute(
            f"INSERT INTO {table} (entry_id, {columns})"
            f" SELECT ?, {columns} FROM {table} WHERE entry_id = ?",
            (target, source),
        )


def reads_in(connection: sqlite3.Connection, entry_ids: str) -> dict[int, list[Read]]:
    """The files of entries, by entry; `entry_ids` is a JSON array."""
    from marimo_cellar.entries.reads import Read

    found: dict[int, list[Read]] = {}
    try:
        rows = connection.execute(
            f"SELECT entry_id, {_READ} FROM reads"
            " WHERE entry_id IN (SELECT value FROM json_each(?))"
            " ORDER BY entry_id, path",
            (entry_ids,),
        ).fetchall()
    except sqlite3.OperationalError:
        # An older format, in a place where it cannot be brought up to date.
        return {}
    for entry_id, *row in rows:
        found.setdefault(entry_id, []).append(Read(*row))
    return found
