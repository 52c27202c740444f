"""The check of a cache: rows against one another, against their bytes and files.

It only reads, and holds a snapshot for no longer than one query, so it may run
beside kernels that save and clear. What it finds wrong while they do so is looked
at once more before it is reported. Files are read a piece at a time.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from marimo_cellar.checking.checking_bytes import files_without_row, wrong_blobs
from marimo_cellar.checking.findings import (
    Problem,
    Unreadable,
    content_of,
    in_hex,
    query,
)
from marimo_cellar.database.database import Database
from marimo_cellar.entries import blobs
from marimo_cellar.values import blobfile, checksums, manifests

# A file that no row names yet may belong to a save that is under way: until it is
# as old as this, in seconds, it is no problem.
GRACE = 3600.0


def audit(
    database: Database,
    *,
    with_bytes: bool = True,
    now: float | None = None,
    grace: float = GRACE,
) -> list[Problem]:
    """All that is wrong with a cache; nothing, where there is none.

    Without `with_bytes`, no blob is read: only its size is compared. Files that no row
    names count once they are `grace` seconds older than `now`, in Unix seconds.
    Raises `Unavailable` for a database that is not ours to read.
    """
    return list(problems(database, with_bytes=with_bytes, now=now, grace=grace))


def problems(
    database: Database,
    *,
    with_bytes: bool = True,
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
        _manifests(database) if with_bytes else (),
        wrong_blobs(database, with_bytes, step),
        files_without_row(database, now - grace),
    ):
        try:
            yield from part
        except Unreadable as error:
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
        ((_, size),) = query(database, f"{blobs} NULL") or [(0, 0)]
        ((bad, bad_size),) = query(database, f"{blobs} NOT NULL") or [(0, 0)]
        versions = query(database, "SELECT versions, count(*) FROM entries GROUP BY 1")
    except Unreadable:
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


# Rows among themselves


def _rows(database: Database) -> Iterator[Problem]:
    name = database.path.name
    for (message,) in query(database, "PRAGMA integrity_check"):
        if message != "ok":
            yield Problem("integrity", name, str(message))
    for table, _, parent, _ in query(database, "PRAGMA foreign_key_check"):
        yield Problem(
            "foreign-key", name, f"{table} refers to a row of {parent} that is gone"
        )
    for (cell_id,) in query(database, WRONG_TOTALS):
        why = "the totals of a cell are wrong"
        yield Problem("totals", name, why, cell_id=cell_id)
    # A file that can only be read may be of a format that had no such table.
    if query(database, "SELECT 1 FROM sqlite_master WHERE name = 'usage'"):
        for _ in query(database, WRONG_USAGE):
            yield Problem("totals", name, "the total of all cells is wrong")
    for (digest,) in query(
        database,
        "SELECT code_digest FROM sources WHERE code_digest NOT IN"
        " (SELECT code_digest FROM nodes)",
    ):
        yield Problem("unused-source", in_hex(digest), "no node stands on this code")


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
    for entry_id, key, items in query(
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
    for entry_id, key in query(
        database,
        "SELECT entry_id, key FROM items JOIN entries USING (entry_id)"
        " WHERE items.cell_id <> entries.cell_id",
    ):
        why = "it is filed under another cell than its result"
        yield Problem("owner", key, why, entry_id)
    for entry_id, key, *_ in query(
        database,
        "SELECT entry_id, key, digest, seal, size FROM items JOIN blobs USING (digest)",
        keep=lambda row: not _is_sealed(*row[1:]),
    ):
        why = "it does not belong to the bytes it refers to"
        yield Problem("seal", str(key), why, entry_id)


def _is_sealed(key: Any, digest: Any, seal: Any, size: Any) -> bool:
    try:
        return bool(checksums.seal(key, digest, size) == seal)
    except (AttributeError, TypeError, OverflowError):
        # Of types that we never write.
        return False


def _manifests(database: Database) -> Iterator[Problem]:
    for entry_id, hash, key, blob_id, digest, size, crc32, file in query(
        database,
        "SELECT entry_id, hash, key, blob_id, digest, size, crc32, file"
        " FROM entries JOIN items USING (entry_id) JOIN blobs USING (digest)"
        f" WHERE loader = 'lazy' AND key = {_KEY} AND quarantined_at IS NULL",
    ):
        content = None if file is not None else content_of(database, blob_id)
        try:
            blob = blobs.Blob(digest, size, crc32, file, content)
            manifest = blobs.read(database, blob)
        except blobfile.Damaged:
            manifest = None
        if manifest is None:
            # Which is said of the blob itself.
            continue
        digests = dict(
            query(
                database, "SELECT key, digest FROM items WHERE entry_id = ?", entry_id
            )
        )
        why = manifests.fault(manifest, hash, digests)
        # Without any, the entry has been cleared since.
        if digests and why is not None:
            yield Problem("manifest", key, why, entry_id)
