"""Repair: what a check found wrong is put right, at the cost of recomputation.

Wrong bytes are kept and marked, so that nobody is served them. Entries whose bytes
are gone are removed, and so is what nobody refers to. A database that SQLite cannot
read is set aside, and what is whole in it is taken into a new one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from marimo_cellar.amounts import counted, told_seconds
from marimo_cellar.checking.checking import USAGE, WRONG_TOTALS, WRONG_USAGE, audit
from marimo_cellar.checking.findings import Problem
from marimo_cellar.database import damage, faults
from marimo_cellar.database.database import Database, Unavailable
from marimo_cellar.entries import blobs, clearing


@dataclass
class Repairs:
    """What was done. `seconds` is how long it took to compute what is not served
    any more, as far as anybody measured it."""

    set_aside: Path | None = None
    reindexed: bool = False
    quarantined: int = 0
    removed: int = 0
    unused: int = 0
    recounted: int = 0
    files: int = 0
    seconds: float = 0.0

    def lines(self) -> list[str]:
        """Each thing that was done, as a sentence."""
        said = []
        if self.set_aside is not None:
            said.append(
                "The database could not be read. What was whole in it is in a new "
                f"one, and the old one is set aside as {self.set_aside}."
            )
        if self.reindexed:
            said.append("Made the indexes anew.")
        if self.quarantined:
            what = counted(self.quarantined, "value", "values")
            said.append(f"Marked {what} as damaged: kept, and never served.")
        if self.removed:
            what = counted(self.removed, "result", "results")
            said.append(f"Removed {what} that could not be served.")
        if self.unused:
            what = counted(self.unused, "row", "rows")
            said.append(f"Removed {what} that nothing needed.")
        if self.recounted:
            said.append(f"Counted {counted(self.recounted, 'cell', 'cells')} anew.")
        if self.files:
            said.append(
                f"Removed {counted(self.files, 'file', 'files')} without a row."
            )
        if self.quarantined or self.removed:
            said.append(
                "The next runs compute again what took "
                f"{told_seconds(self.seconds)}, as far as it was measured."
            )
        return said


def repair(database: Database, problems: Sequence[Problem]) -> Repairs:
    """Puts right what `checking.audit` found.

    Raises `Unavailable` or `sqlite3.Error` where nothing can be written.
    """
    done = Repairs()
    kinds = {problem.kind for problem in problems}
    if kinds & {"integrity", "unreadable"}:
        if not _reindex(database, done):
            _begin_anew(database, done)
        # What is behind an index that was wrong, nobody has seen yet.
        problems = audit(database)
    with database.reading() as connection:
        begun = connection is not None
    if not begun:
        # Nothing of it could be saved, and what its rows named is of no more use.
        done.files = remove_files(database, problems)
        return done
    try:
        with damage.only_looking(), database.writing() as connection:
            files = _put_rows_right(connection, problems, done)
    except sqlite3.DatabaseError as error:
        if faults.is_busy(error):
            raise
        # Damaged in a way that even taking it away fails.
        done = Repairs()
        _begin_anew(database, done)
        return done
    blobs.unlink(database, files)
    done.files += remove_files(database, problems)
    database.fold_log()
    return done


class _StillWrong(Exception):
    """New indexes were not enough."""


def _reindex(database: Database, done: Repairs) -> bool:
    """Whether new indexes were enough; else it is as it was."""
    try:
        with damage.only_looking(), database.writing() as connection:
            connection.execute("REINDEX")
            state = connection.execute("PRAGMA integrity_check(1)").fetchone()
            if state != ("ok",):
                raise _StillWrong
    except (_StillWrong, sqlite3.DatabaseError, Unavailable):
        return False
    done.reindexed = True
    return True


def _begin_anew(database: Database, done: Repairs) -> None:
    database.close()
    before = set(damage.set_aside(database.path))
    fault = sqlite3.DatabaseError("it failed the check")
    outcome = damage.begin_anew(database.path, fault, certain=True)
    if outcome != "replaced":
        raise Unavailable(
            f"{database.path} could not be set aside. Close what uses it, and try again."
        )
    for path in damage.set_aside(database.path):
        if path not in before:
            done.set_aside = path


def _put_rows_right(
    connection: sqlite3.Connection, problems: Iterable[Problem], done: Repairs
) -> list[tuple[bytes, str]]:
    """The rows of it, in the caller's transaction; the files that can go then."""
    # Rows that others refer to go first, and those that took their place stay.
    connection.execute("PRAGMA defer_foreign_keys = ON")
    entries = {one.entry_id for one in problems if one.entry_id is not None}
    for problem in problems:
        if problem.kind in ("wrong-size", "wrong-bytes"):
            digest = bytes.fromhex(problem.about)
            before = connection.total_changes
            blobs.quarantine(connection, digest)
            done.quarantined += connection.total_changes - before
            done.seconds += _seconds(connection, _entries_of(connection, digest))
        elif problem.kind in ("missing-file", "wrong-name"):
            entries |= _entries_of(connection, bytes.fromhex(problem.about))
    entries |= _column(connection, _LOST)
    for sql in _PLACEHOLDERS:
        connection.execute(sql)
    done.seconds += _seconds(connection, entries)
    digests = set(clearing.delete(connection, sorted(entries)))
    done.removed = len(entries)
    for sql in _ORPHANS:
        _remove_rows(connection, sql, done)
    digests |= _column(
        connection,
        "SELECT digest FROM blobs WHERE digest NOT IN (SELECT digest FROM items)",
    )
    before = connection.total_changes
    files = blobs.remove_unused(connection, digests)
    done.unused += connection.total_changes - before
    wrong = _column(connection, WRONG_TOTALS)
    for cell_id in wrong:
        connection.execute(_RECOUNT, (cell_id,))
    done.recounted = len(wrong)
    recount_usage(connection)
    return files


_MISTYPED = (
    "typeof(digest) <> 'blob' OR typeof(size) <> 'integer'"
    " OR typeof(crc32) <> 'integer' OR typeof(file) NOT IN ('null', 'text')"
)

# Entries that have no cell, no items, or an item without a blob of use.
_LOST = f"""
SELECT entry_id FROM entries WHERE cell_id NOT IN
    (SELECT cell_id FROM cells JOIN apps USING (app_id))
  OR NOT EXISTS (SELECT 1 FROM items WHERE items.entry_id = entries.entry_id)
UNION SELECT entry_id FROM items WHERE digest NOT IN
    (SELECT digest FROM blobs WHERE NOT ({_MISTYPED}))"""

# The trigger that counts what an item no longer takes needs its blob's size.
_PLACEHOLDERS = (
    f"DELETE FROM blobs WHERE {_MISTYPED}",
    "UPDATE items SET digest = zeroblob(32)"
    " WHERE typeof(digest) <> 'blob' OR length(digest) <> 32",
    "INSERT INTO blobs (digest, size, crc32, content) SELECT DISTINCT"
    " digest, 0, 0, x'' FROM items WHERE digest NOT IN (SELECT digest FROM blobs)",
)

# In this order: each may leave rows for the next.
_ORPHANS = (
    "DELETE FROM items WHERE entry_id NOT IN (SELECT entry_id FROM entries)",
    "DELETE FROM cells WHERE app_id NOT IN (SELECT app_id FROM apps)",
    "DELETE FROM openings WHERE app_id NOT IN (SELECT app_id FROM apps)",
    "DELETE FROM missing WHERE app_id NOT IN (SELECT app_id FROM apps)",
    "DELETE FROM looks WHERE app_id NOT IN (SELECT app_id FROM apps)",
    "DELETE FROM cleaning_costs"
    " WHERE cleaning_id NOT IN (SELECT cleaning_id FROM cleanings)",
    "DELETE FROM costs WHERE entry_id NOT IN (SELECT entry_id FROM entries)",
    "DELETE FROM savings WHERE cell_id NOT IN (SELECT cell_id FROM cells)",
    "DELETE FROM totals WHERE cell_id NOT IN (SELECT cell_id FROM cells)",
    "DELETE FROM inputs WHERE entry_id NOT IN (SELECT entry_id FROM entries)",
    "DELETE FROM calls WHERE entry_id NOT IN (SELECT entry_id FROM entries)",
    "DELETE FROM reads WHERE entry_id NOT IN (SELECT entry_id FROM entries)",
    "DELETE FROM lookups WHERE cell_id NOT IN (SELECT cell_id FROM cells)",
    "DELETE FROM reasons WHERE lookup_id NOT IN (SELECT lookup_id FROM lookups)",
    "DELETE FROM nodes WHERE cell_id NOT IN (SELECT cell_id FROM cells)"
    " OR code_digest NOT IN (SELECT code_digest FROM sources)",
    "DELETE FROM sources WHERE code_digest NOT IN (SELECT code_digest FROM nodes)",
)

_RECOUNT = """
INSERT OR REPLACE INTO totals (cell_id, entries, size, runtime) SELECT cell_id,
  (SELECT count(*) FROM entries WHERE entries.cell_id = cells.cell_id),
  (SELECT total(size) FROM blobs WHERE digest IN
    (SELECT digest FROM items WHERE items.cell_id = cells.cell_id)),
  (SELECT total(runtime) FROM entries WHERE entries.cell_id = cells.cell_id)
FROM cells WHERE cell_id = ?"""


def _remove_rows(connection: sqlite3.Connection, sql: str, done: Repairs) -> None:
    done.unused += connection.execute(sql).rowcount


def _entries_of(connection: sqlite3.Connection, digest: bytes) -> set[int]:
    return _column(connection, "SELECT entry_id FROM items WHERE digest = ?", digest)


def _seconds(connection: sqlite3.Connection, entries: Iterable[int]) -> float:
    seconds = 0.0
    for entry_id in entries:
        seconds += sum(
            _column(
                connection,
                "SELECT coalesce(runtime, 0) FROM entries WHERE entry_id = ?",
                entry_id,
            )
        )
    return seconds


def _column(connection: sqlite3.Connection, sql: str, *values: object) -> set[Any]:
    return {row[0] for row in connection.execute(sql, values)}


def recount_usage(connection: sqlite3.Connection) -> None:
    """Counts what all values take, in the caller's transaction, if that is wrong."""
    if connection.execute(WRONG_USAGE).fetchone() is not None:
        connection.execute("DELETE FROM usage")
        connection.execute(f"INSERT INTO usage (size) {USAGE}")


def usage_error(connection: sqlite3.Connection) -> int | None:
    """How many bytes more all values take than is told, which stays the same while
    others write, who change both alike; None where it has to be counted anew."""
    sizes = connection.execute("SELECT size FROM usage").fetchall()
    if len(sizes) != 1 or not isinstance(sizes[0][0], int):
        return None
    (error,) = connection.execute(
        f"SELECT ({USAGE}) - (SELECT size FROM usage)"
    ).fetchone()
    return int(error)


def remove_files(database: Database, problems: Iterable[Problem]) -> int:
    """Removes files without a row that have a name of ours; how many. Those of others
    are left.

    Under the write lock: somebody may be giving one a row just now.
    """
    strays = [one for one in problems if one.kind in ("unknown-file", "partial-file")]
    if not strays:
        return 0
    removed = 0
    with database.writing() as connection:
        for problem in strays:
            path = database.folder / problem.about
            file = path.relative_to(database.blobs).as_posix()
            used = connection.execute(
                "SELECT 1 FROM blobs WHERE file = ?", (file,)
            ).fetchone()
            if used is None and blobs.is_our_name(file):
                with suppress(OSError):
                    path.unlink()
                    removed += 1
    return removed
