"""The check of a cache: rows against one another, against their bytes and files.

It only reads, and holds a snapshot for no longer than one query, so it may run
beside kernels that save and clear. What it finds wrong while they do so is looked
at once more before it is reported. Files are read a piece at a time.
"""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from marimo_cellar import blobfile, blobs, damage, manifests
from marimo_cellar.checksums import Checksums
from marimo_cellar.database import Database, Unavailable

# A file that no row names yet may belong to a save that is under way: until it is
# as old as this, in seconds, it is no problem.
GRACE = 3600.0

Kind = Literal[
    "unreadable",  # SQLite cannot read what was asked for
    "integrity",  # SQLite's own check: pages, indexes, constraints
    "foreign-key",  # a row refers to one that is not there
    "totals",  # what the triggers keep is not what the rows amount to
    "row",  # a value is of a type that we never write
    "owner",  # an item is filed under another cell than its entry
    "seal",  # an item's key and its blob do not belong together
    "no-items",  # an entry has nothing stored
    "not-whole",  # an entry lacks its manifest, or the value that it is
    "manifest",  # a manifest is not that of its entry, or names what is not there
    "unused-blob",  # a blob that no item refers to
    "unused-source",  # code that no node stands on
    "wrong-name",  # a blob's row names a file that we would not have named so
    "missing-file",  # a blob's file is gone, or is no plain file
    "wrong-size",  # a blob is longer or shorter than its row says
    "wrong-bytes",  # a blob's bytes are not those that were saved
    "unreadable-file",  # the system does not let us read a file or folder
    "unknown-file",  # a file below `blobs/` that no row names
    "partial-file",  # the rest of a write that was cut off
]


@dataclass(frozen=True)
class Problem:
    """Something that is wrong. `about` is a key of marimo's, a digest in hex, or a
    path below the cache's folder. `entry_id` is the entry that cannot be served for
    it, where it is one's own."""

    kind: Kind
    about: str
    message: str
    entry_id: int | None = None

    def __str__(self) -> str:
        return f"{self.about}: {self.message}"


def audit(
    database: Database,
    *,
    bytes: bool = True,
    now: float | None = None,
    grace: float = GRACE,
) -> list[Problem]:
    """All that is wrong with a cache; nothing, where there is none.

    Without `bytes`, no blob is read: only its size is compared. Files that no row
    names count once they are `grace` seconds older than `now`, in Unix seconds.
    Raises `Unavailable` for a database that is not ours to read.
    """
    return list(problems(database, bytes=bytes, now=now, grace=grace))


def problems(
    database: Database,
    *,
    bytes: bool = True,
    now: float | None = None,
    grace: float = GRACE,
    step: Callable[[int, int], None] = lambda done, total: None,
) -> Iterator[Problem]:
    """`audit`, one problem as soon as it is found. `step` hears how many bytes of how
    many were looked at."""
    now = time.time() if now is None else now
    unreadable = set()
    for part in (
        _rows(database),
        _entries(database),
        _manifests(database) if bytes else (),
        _blobs(database, bytes, step),
        files_without_row(database, now - grace),
    ):
        try:
            yield from part
        except _Unreadable as error:
            if str(error) not in unreadable:
                unreadable.add(str(error))
                yield Problem("unreadable", database.path.name, str(error))


@dataclass(frozen=True)
class Stock:
    """What a cache holds; sizes in bytes.

    `quarantined` blobs were found wrong before: kept, and never served. `obsolete`
    entries are of another cache format than marimo's here.
    """

    entries: int
    size: int
    quarantined: int
    quarantined_size: int
    obsolete: int


def take_stock(database: Database, cache_format: int) -> Stock:
    """Counts what a cache holds, for a marimo that writes `cache_format`."""
    blobs = "SELECT count(*), total(size) FROM blobs WHERE quarantined_at IS"
    try:
        ((_, size),) = _query(database, f"{blobs} NULL") or [(0, 0)]
        ((bad, bad_size),) = _query(database, f"{blobs} NOT NULL") or [(0, 0)]
        versions = _query(database, "SELECT versions, count(*) FROM entries GROUP BY 1")
    except _Unreadable:
        return Stock(0, 0, 0, 0, 0)
    return Stock(
        sum(count for _, count in versions),
        int(size),
        bad,
        int(bad_size),
        sum(
            count
            for text, count in versions
            if format_of(text) not in (None, cache_format)
        ),
    )


def format_of(versions: str) -> int | None:
    """marimo's cache format that an entry's row says it is of; None if it does not."""
    try:
        found = json.loads(versions)["cache"]
    except (ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, int) else None


class _Unreadable(Exception):
    """SQLite could not answer a query."""


def _query(
    database: Database,
    sql: str,
    *values: object,
    keep: Callable[[tuple[Any, ...]], bool] = lambda row: True,
) -> list[tuple[Any, ...]]:
    """The rows of a query that are worth keeping."""
    try:
        with damage.only_looking(), database.reading() as connection:
            if connection is None:
                return []
            return [row for row in connection.execute(sql, values) if keep(row)]
    except sqlite3.DatabaseError as error:
        raise _Unreadable(str(error)) from error
    except Unavailable as error:
        if isinstance(error.__cause__, sqlite3.DatabaseError):
            raise _Unreadable(str(error)) from error
        raise


# Rows among themselves


def _rows(database: Database) -> Iterator[Problem]:
    name = database.path.name
    for (message,) in _query(database, "PRAGMA integrity_check"):
        if message != "ok":
            yield Problem("integrity", name, str(message))
    for table, _, parent, _ in _query(database, "PRAGMA foreign_key_check"):
        yield Problem(
            "foreign-key", name, f"{table} refers to a row of {parent} that is gone"
        )
    for (cell_id,) in _query(database, WRONG_TOTALS):
        yield Problem("totals", name, f"the totals of cell {cell_id} are wrong")
    # A file that can only be read may be of a format that had no such table.
    if _query(database, "SELECT 1 FROM sqlite_master WHERE name = 'usage'"):
        for _ in _query(database, WRONG_USAGE):
            yield Problem("totals", name, "the total of all cells is wrong")
    for (digest,) in _query(
        database,
        "SELECT code_digest FROM sources WHERE code_digest NOT IN"
        " (SELECT code_digest FROM nodes)",
    ):
        yield Problem("unused-source", _hex(digest), "no node stands on this code")


# Bytes are counted as the triggers do: each blob once a cell. Seconds are added up
# and taken off in another order than here, so they differ by what floats lose.
WRONG_TOTALS = """
SELECT cell_id FROM totals WHERE
  entries <> (SELECT count(*) FROM entries WHERE entries.cell_id = totals.cell_id)
  OR size <> (SELECT total(size) FROM blobs WHERE digest IN
    (SELECT digest FROM items WHERE items.cell_id = totals.cell_id))
  OR abs(runtime - (SELECT total(runtime) FROM entries
    WHERE entries.cell_id = totals.cell_id)) > 1e-6 * max(1, runtime)
UNION SELECT cell_id FROM cells WHERE cell_id NOT IN (SELECT cell_id FROM totals)
"""

# What the one row of `usage` is to say. Not by `sum`, which fails where damaged sizes
# add up to more than an integer holds.
USAGE = """
SELECT CAST((SELECT total(size) FROM blobs) AS INTEGER)
  + 2048 * (SELECT count(*) FROM entries) AS size"""

# A row if it is not so.
WRONG_USAGE = f"""
SELECT size FROM ({USAGE}) AS due
WHERE (SELECT count(*) FROM usage) <> 1
  OR due.size IS NOT (SELECT usage.size FROM usage)"""


# Entries and their items

# The key that `keys.key_of` gives an entry; null for one that no loader made.
_KEY = """cache_name || '/' || cache_type || '_' || hash || '.' || CASE loader
  WHEN 'lazy' THEN 'jsonl' WHEN 'pickle' THEN 'pickle' WHEN 'json' THEN 'json' END"""


def _entries(database: Database) -> Iterator[Problem]:
    for entry_id, key, items in _query(
        database,
        f"SELECT entry_id, coalesce({_KEY}, cache_name || '/' || hash),"
        " EXISTS (SELECT 1 FROM items WHERE items.entry_id = entries.entry_id)"
        " FROM entries WHERE NOT EXISTS (SELECT 1 FROM items"
        " WHERE items.entry_id = entries.entry_id"
        f" AND items.key = coalesce({_KEY}, items.key))",
    ):
        if items:
            why = "its manifest or value is not there"
            yield Problem("not-whole", key, why, entry_id)
        else:
            yield Problem("no-items", key, "nothing is stored of it", entry_id)
    for entry_id, key in _query(
        database,
        "SELECT entry_id, key FROM items JOIN entries USING (entry_id)"
        " WHERE items.cell_id <> entries.cell_id",
    ):
        why = "it is filed under another cell than its entry"
        yield Problem("owner", key, why, entry_id)
    for entry_id, key, *_ in _query(
        database,
        "SELECT entry_id, key, digest, seal, size FROM items JOIN blobs USING (digest)",
        keep=lambda row: not _is_sealed(*row[1:]),
    ):
        why = "it does not belong to the bytes it refers to"
        yield Problem("seal", str(key), why, entry_id)


def _is_sealed(key: Any, digest: Any, seal: Any, size: Any) -> bool:
    try:
        return bool(blobs.seal(key, digest, size) == seal)
    except (AttributeError, TypeError, OverflowError):
        # Of types that we never write.
        return False


def _manifests(database: Database) -> Iterator[Problem]:
    for entry_id, hash, key, *blob in _query(
        database,
        f"SELECT entry_id, hash, key, digest, size, crc32, file, blob_id"
        " FROM entries JOIN items USING (entry_id) JOIN blobs USING (digest)"
        f" WHERE loader = 'lazy' AND key = {_KEY} AND quarantined_at IS NULL",
    ):
        digest, size, crc32, file, blob_id = blob
        content = None if file is not None else _content(database, blob_id)
        try:
            manifest = blobs.read(database, digest, size, crc32, file, content)
        except blobfile.Damaged:
            manifest = None
        if manifest is None:
            # Which is said of the blob itself.
            continue
        digests = dict(
            _query(
                database, "SELECT key, digest FROM items WHERE entry_id = ?", entry_id
            )
        )
        why = manifests.fault(manifest, hash, digests)
        # Without any, the entry has been cleared since.
        if digests and why is not None:
            yield Problem("manifest", key, why, entry_id)


def _content(database: Database, blob_id: int) -> Any:
    rows = _query(database, "SELECT content FROM blobs WHERE blob_id = ?", blob_id)
    return rows[0][0] if rows else None


# Blobs and their bytes


@dataclass(frozen=True)
class _Blob:
    """A blob's row; `length` is that of the bytes in it."""

    blob_id: int
    digest: Any
    size: Any
    crc32: Any
    file: Any
    length: Any
    used: int

    @property
    def is_typed(self) -> bool:
        """Whether all values are of the types that we write."""
        return (
            isinstance(self.digest, bytes)
            and isinstance(self.size, int)
            and isinstance(self.crc32, int)
            and isinstance(self.file, (str, type(None)))
        )


_BLOBS = """
SELECT blob_id, digest, size, crc32, file,
  CASE typeof(content) WHEN 'blob' THEN length(content) END,
  EXISTS (SELECT 1 FROM items WHERE items.digest = blobs.digest)
FROM blobs WHERE quarantined_at IS NULL"""


def _blobs(
    database: Database, with_bytes: bool, step: Callable[[int, int], None]
) -> Iterator[Problem]:
    rows = [_Blob(*row) for row in _query(database, _BLOBS)]
    total = sum(row.size for row in rows if row.is_typed)
    done = 0
    for row in rows:
        found = _wrong(database, row, with_bytes)
        # It may have been replaced or cleared while it was looked at.
        if found is not None and _is_still(database, row):
            yield Problem(found[0], _hex(row.digest), found[1])
        elif not row.used and _is_still(database, row):
            yield Problem("unused-blob", _hex(row.digest), "no item refers to it")
        done += row.size if row.is_typed else 0
        step(done, total)


def _is_still(database: Database, row: _Blob) -> bool:
    again = _query(database, f"{_BLOBS} AND blob_id = ?", row.blob_id)
    return [_Blob(*one) for one in again] == [row]


def _wrong(database: Database, row: _Blob, with_bytes: bool) -> tuple[Kind, str] | None:
    """What is wrong with a blob, if anything is."""
    if not row.is_typed:
        return "row", "a value of its row is of a wrong type"
    if row.file is None:
        if row.length != row.size:
            return "wrong-size", f"it has {row.length} bytes, not {row.size}"
        if with_bytes:
            sums = Checksums()
            sums.add(_content(database, row.blob_id) or b"")
            return _wrong_bytes(row, sums)
        return None
    path = blobs.path_of(database, row.digest, row.file)
    if path is None:
        return "wrong-name", f"its row names the file {row.file!r}"
    try:
        found = os.lstat(path)
        if not stat.S_ISREG(found.st_mode):
            return "missing-file", f"{row.file} is no plain file"
        if found.st_size != row.size:
            return "wrong-size", f"{row.file} has {found.st_size} bytes, not {row.size}"
        if with_bytes:
            return _wrong_bytes(row, blobfile.checksums_of(path))
    except FileNotFoundError:
        return "missing-file", f"{row.file} is gone"
    except OSError as error:
        return "unreadable-file", f"{row.file} cannot be read ({error.strerror})"
    return None


def _wrong_bytes(row: _Blob, sums: Checksums) -> tuple[Kind, str] | None:
    if sums.digest == row.digest and sums.crc32 == row.crc32:
        return None
    return "wrong-bytes", "its bytes are not those that were saved"


# Files without a row


def files_without_row(database: Database, until: float) -> Iterator[Problem]:
    """What lies below `blobs/`, was last changed before `until`, and has no row."""
    named = {
        file
        for (file,) in _query(database, "SELECT file FROM blobs WHERE file NOT NULL")
    }
    for path, error in _walk(database.blobs):
        about = path.relative_to(database.folder).as_posix()
        if error is not None:
            yield Problem(
                "unreadable-file", about, f"it cannot be read ({error.strerror})"
            )
            continue
        file = path.relative_to(database.blobs).as_posix()
        try:
            if os.lstat(path).st_mtime > until:
                continue
        except OSError:
            continue
        if blobfile.is_partial(file):
            yield Problem("partial-file", about, "it is the rest of a write cut off")
        elif (
            file not in named
            and not _query(
                # It may have got one since.
                database,
                "SELECT 1 FROM blobs WHERE file = ?",
                file,
            )
            and os.path.lexists(path)
        ):
            yield Problem("unknown-file", about, "no row names it")


def _walk(folder: Path) -> Iterator[tuple[Path, OSError | None]]:
    """All that is no folder, below a folder; and the folders that cannot be listed."""
    try:
        with os.scandir(folder) as listing:
            found = sorted(listing, key=lambda one: one.name)
    except FileNotFoundError:
        return
    except OSError as error:
        yield folder, error
        return
    for one in found:
        if one.is_dir(follow_symlinks=False):
            yield from _walk(Path(one.path))
        else:
            yield Path(one.path), None


def _hex(digest: Any) -> str:
    return digest.hex() if isinstance(digest, bytes) else repr(digest)
