"""What entries hold: their bytes, of a whole entry or by key, and checked.

Wrong ones are never served. They are quarantined, and the next save replaces them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

from msgspec import Struct

from marimo_cellar import blobs, manifests
from marimo_cellar.alongside import each
from marimo_cellar.blobfile import Bytes, Damaged
from marimo_cellar.checksums import ALONGSIDE_BYTES
from marimo_cellar.database import Database
from marimo_cellar.entries import Found, StoredItem, items_of
from marimo_cellar.recent import ABSENT, Known, mark_of


class Loaded(Struct, frozen=True):
    """The bytes of an entry by marimo's keys, checked; or why there are none.

    `hashed` are the keys whose bytes were checked by their digest, not their CRC.
    """

    contents: Mapping[str, Bytes]
    digests: Mapping[str, bytes]
    why: str | None = None
    hashed: frozenset[str] = frozenset()


# What is read of an item: `StoredItem`. Few keys have more than one, so most often
# nobody needs to know which is the newest.
_ITEMS_OF = (
    "SELECT items.key, format, items.digest, seal, size, crc32, file, content"
    " FROM items JOIN blobs USING (digest)"
    " WHERE items.key = ? AND quarantined_at IS NULL"
)
_ITEMS_BY_TIME = (
    "SELECT items.key, format, items.digest, seal, size, crc32, file, content"
    " FROM items JOIN blobs USING (digest) JOIN entries USING (entry_id)"
    " WHERE items.key = ? AND quarantined_at IS NULL ORDER BY created_at DESC"
)


def load(
    database: Database, found: Found, mapped: frozenset[str] = frozenset()
) -> Loaded:
    """The bytes of an entry. Wrong ones are quarantined, and none are served.

    A large blob of one of the formats `mapped` may be a mapping of its file. What
    marimo signed the digest of is checked by it, so that marimo need not do so again.
    """
    if not (rows := _items(database, found)):
        return Loaded({}, {}, "it is gone, or some of it is set aside as damaged")
    contents: dict[str, Bytes] = {}
    digests: dict[str, bytes] = {}
    signed: frozenset[str] = frozenset()
    why = None

    def read(item: StoredItem) -> Bytes | Damaged | None:
        # Whoever may write the file could change a pickle between the check of its
        # signature and its use.
        by_digest = item.file is not None and item.key in signed
        mappable = item.format in mapped and not (by_digest and item.format == "pickle")
        try:
            return _checked(database, item, by_digest, mappable)
        except Damaged as error:
            return error

    def take(item: StoredItem, content: Bytes | Damaged | None) -> None:
        nonlocal why
        if isinstance(content, Damaged):
            _quarantine(database, item.digest)
            why = "its bytes are damaged"
        elif content is None:
            why = why or "a file of it is missing"
        else:
            contents[item.key] = content
            digests[item.key] = item.digest

    # All of them are looked at, so that the next save replaces all that is wrong.
    for manifest in [item for item in rows if item.format == "manifest"]:
        take(manifest, read(manifest))
        if manifest.key in contents and any(row.file is not None for row in rows):
            signed = manifests.signed(contents[manifest.key])
    values = [item for item in rows if item.format != "manifest"]
    # marimo checks each on a thread. For little ones that takes longer.
    large = [item for item in values if _takes_long(item)]
    for item, content in zip(large, each(read, large), strict=True):
        take(item, content)
    for item in values:
        if not _takes_long(item):
            take(item, read(item))
    if why:
        return Loaded({}, {}, why)
    hashed = frozenset(item.key for item in values if item.file and item.key in signed)
    return Loaded(contents, digests, hashed=hashed)


def exists(database: Database, found: Found) -> bool:
    """Whether there is all of an entry to load; no bytes are read."""
    rows = _items(database, found)
    return bool(rows) and all(
        blobs.is_there(database, item.digest, item.file, item.size) for item in rows
    )


def get_key(database: Database, key: str) -> bytes | None:
    """The bytes of the newest entry that holds a key, checked."""
    recent = database.connections.recent
    seen: list[StoredItem] | None = None
    # Somebody may save the key anew between our look at its rows and at its file,
    # which is gone then: the rows are looked at again until they stay the same.
    while True:
        with database.reading() as connection:
            if connection is None:
                return None
            state = recent.before(connection)
            items = _items_by_key(connection, key)
        if not items:
            recent.keep(state, key, ABSENT)
        if not items or items == seen:
            return None
        for item in items:
            kept = recent.wants(key, item.size)
            path = _place_of(database, item) if kept else None
            mark = mark_of(path) if path is not None else None
            try:
                content = _checked(database, item)
            except Damaged:
                _quarantine(database, item.digest)
                continue
            if content is not None:
                content = bytes(content)
                if kept:
                    recent.keep(state, key, Known(content, path, mark))
                return content
        seen = items


def has_key(database: Database, key: str) -> bool:
    """Whether `get_key` has something to read."""
    recent = database.connections.recent
    with database.reading() as connection:
        if connection is None:
            return False
        state = recent.before(connection)
        rows = connection.execute(
            "SELECT digest, file, size FROM items JOIN blobs USING (digest)"
            " WHERE key = ? AND quarantined_at IS NULL",
            (key,),
        ).fetchall()
    if not rows:
        recent.keep(state, key, ABSENT)
    elif any(file is None for _, file, _ in rows):
        # Of a file's bytes one has to see each time that they are there.
        recent.keep(state, key, Known(None))
    return any(blobs.is_there(database, *row) for row in rows)


def knows_key(database: Database, key: str) -> bool:
    """Whether an entry has the key at all, its bytes right or not."""
    with database.reading() as connection:
        if connection is None:
            return False
        found = connection.execute("SELECT 1 FROM items WHERE key = ?", (key,))
        return found.fetchone() is not None


def _items_by_key(connection: sqlite3.Connection, key: str) -> list[StoredItem]:
    """Every entry's item of a key, the newest first."""
    rows = connection.execute(_ITEMS_OF, (key,)).fetchall()
    if len(rows) > 1:
        rows = connection.execute(_ITEMS_BY_TIME, (key,)).fetchall()
    return [StoredItem(*row) for row in rows]


def _items(database: Database, found: Found) -> Sequence[StoredItem]:
    if found.items is not None:
        return found.items
    with database.reading() as connection:
        return items_of(connection, found) if connection is not None else []


def _checked(
    database: Database, item: StoredItem, by_digest: bool = False, mapped: bool = False
) -> Bytes | None:
    """`blobs.read`, for bytes that are also sealed to their key."""
    if item.seal != blobs.seal(item.key, item.digest, item.size):
        raise Damaged(item.digest)
    return blobs.read(
        database,
        item.digest,
        item.size,
        item.crc32,
        item.file,
        item.content,
        by_digest,
        mapped,
    )


def _takes_long(item: StoredItem) -> bool:
    return item.file is not None and item.size >= ALONGSIDE_BYTES


def _place_of(database: Database, item: StoredItem) -> str | None:
    """Where an item's bytes lie, if not in a row."""
    return None if item.file is None else f"{database.blobs}/{item.file}"


def _quarantine(database: Database, digest: bytes) -> None:
    if not database.read_only:
        with database.writing() as connection:
            blobs.quarantine(connection, digest)
