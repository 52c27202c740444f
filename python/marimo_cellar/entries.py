"""Entries: one cached result of one cell, its items, and who asks for it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from marimo_cellar import blobs, manifests
from marimo_cellar.alongside import each
from marimo_cellar.blobfile import Bytes, Damaged
from marimo_cellar.blobs import Blob
from marimo_cellar.cells import Roll, app_path, hidden_until, recognise
from marimo_cellar.checksums import ALONGSIDE_BYTES
from marimo_cellar.database import Database
from marimo_cellar.notebook import Cell, Notebook
from marimo_cellar.recent import ABSENT, Known, mark_of
from marimo_cellar.relocation import folder_of, made_in

if TYPE_CHECKING:
    from marimo_cellar.made import Made


class EntryKey(Struct, frozen=True):
    """What marimo asks by.

    `cache_type` is marimo's letter, one of P C E X D U; `loader` is `lazy`,
    `pickle`, `json`, or `store` for keys that no loader made.
    """

    cache_name: str
    cache_type: str
    hash: str
    loader: str


class Owner(Struct, frozen=True):
    """The cell an entry belongs to, captured on the kernel's thread.

    Without a notebook or a cell of it, what is saved belongs to no cell. `made` is
    what that was made of, where it is known.
    """

    roll: Roll
    notebook: Notebook | None = None
    kernel_id: str | None = None
    made: Made | None = None

    @property
    def cell(self) -> Cell | None:
        """The cell as it stands in the notebook."""
        return None if self.notebook is None else self.notebook.cell(self.kernel_id)


class Item(Struct, frozen=True):
    """One value on its way into the database."""

    key: str
    name: str
    format: str
    type_hint: str | None
    blob: Blob


class Cost(Struct, frozen=True):
    """`amount` in money, `seconds` of waiting that what was paid for is worth."""

    amount: float
    seconds: float


class _StoredItem(NamedTuple):
    """An item with what its blob's row says of the bytes."""

    key: str
    format: str
    digest: bytes
    seal: int
    size: int
    crc32: int
    file: str | None
    content: bytes | None


class Found(Struct, frozen=True):
    """An entry that answers a lookup. `own` is False for another cell's.

    `items` are its items as they were when it was found, if they were looked at.
    """

    entry_id: int
    cell_id: int
    own: bool
    created_at: float
    items: Sequence[_StoredItem] | None = None


class Loaded(Struct, frozen=True):
    """The bytes of an entry by marimo's keys, checked; or why there are none.

    `hashed` are the keys whose bytes were checked by their digest, not their CRC.
    """

    contents: Mapping[str, Bytes]
    digests: Mapping[str, bytes]
    why: str | None = None
    hashed: frozenset[str] = frozenset()


# What is read of an item: `_StoredItem`. Few keys have more than one, so most often
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

# What each living cell of an app met last, item by item. The order of the joins is that
# of the indices, which no statistics are kept for.
_MET_LAST = (
    "SELECT e.entry_id, e.cell_id, created_at, versions,"
    " e.cache_name, cache_type, e.hash, loader, i.key, format, i.digest, seal, size,"
    " crc32, file, content, quarantined_at FROM apps CROSS JOIN cells AS c USING (app_id)"
    " CROSS JOIN lookups AS l ON l.lookup_id = (SELECT lookup_id FROM lookups"
    " WHERE cell_id = c.cell_id ORDER BY at DESC LIMIT 1)"
    " CROSS JOIN entries AS e ON e.cell_id = c.cell_id"
    " AND e.cache_name = l.cache_name AND e.hash = l.hash"
    " CROSS JOIN items AS i ON i.cell_id = e.cell_id AND i.entry_id = e.entry_id"
    " LEFT JOIN blobs AS b ON b.digest = i.digest"
    " WHERE path = ? AND ordinal >= 0 AND retired_at IS NULL"
    " AND loader IN ('lazy', 'pickle', 'json')"
    " AND typeof(created_at) = 'real' AND typeof(versions) = 'text'"
    " ORDER BY ordinal"
)


def candidates(database: Database, key: EntryKey, owner: Owner) -> list[Found]:
    """The entries that may answer: the cell's own first, then other cells'.

    Another cell's answers only if it was made after this cell was last cleared.
    Raises `sqlite3.Error` or `database.Unavailable`, as all here do.
    """
    with database.reading() as connection:
        if connection is None:
            return []
        # A place that several folders share holds what equal code made of other files:
        # marimo's hash does not see what is read by a relative path.
        here = folder_of(app_path(database, owner.roll.path))
        rows = [row for row in _rows_of(connection, key) if made_in(*row[3:]) == here]
        if not rows:
            return []
        own = _own_cell(connection, database, owner)
        cleared_at = None
        if own is not None and any(row[1] != own for row in rows):
            row = connection.execute(
                "SELECT cleared_at FROM cells WHERE cell_id = ?", (own,)
            ).fetchone()
            cleared_at = row[0] if row and isinstance(row[0], float) else None
        founds = [
            Found(entry_id, cell_id, cell_id == own, created_at)
            for entry_id, cell_id, created_at, *_ in rows
            if cell_id == own or cleared_at is None or created_at > cleared_at
        ]
        founds.sort(key=lambda found: not found.own)
        if founds:
            # Most often the first one answers, and this connection is at hand.
            first = founds[0]
            founds[0] = replace(first, items=_rows(connection, first))
        return founds


def met_last(
    connection: sqlite3.Connection, app: str
) -> Iterator[tuple[EntryKey, Found]]:
    """What each living cell of an app met last, as `candidates` would find it for it,
    in the cells' order. `app` is the path of its row."""
    cursor = connection.execute(_MET_LAST, (app,))
    # Closed where it is not read to its end, so that it keeps no snapshot.
    with closing(cursor):
        for _, group in groupby(cursor, key=itemgetter(0)):
            rows = list(group)
            entry_id, cell_id, created_at, versions, *key = rows[0][:8]
            items = _whole([row[8:] for row in rows])
            if items and made_in(app, versions) == folder_of(app):
                yield EntryKey(*key), Found(entry_id, cell_id, True, created_at, items)


def loaders_of(database: Database, key: EntryKey) -> frozenset[str]:
    """The loaders there are entries of, of a key but for the loader it names."""
    with database.reading() as connection:
        if connection is None:
            return frozenset()
        rows = connection.execute(
            "SELECT loader FROM entries"
            " WHERE hash = ? AND cache_name = ? AND cache_type = ?",
            (key.hash, key.cache_name, key.cache_type),
        )
        return frozenset(loader for (loader,) in rows)


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

    def read(item: _StoredItem) -> Bytes | Damaged | None:
        # Whoever may write the file could change a pickle between the check of its
        # signature and its use.
        by_digest = item.file is not None and item.key in signed
        mappable = item.format in mapped and not (by_digest and item.format == "pickle")
        try:
            return _checked(database, item, by_digest, mappable)
        except Damaged as error:
            return error

    def take(item: _StoredItem, content: Bytes | Damaged | None) -> None:
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


def keys_in(database: Database) -> list[EntryKey]:
    """What there are entries of, each once however many cells have it."""
    with database.reading() as connection:
        if connection is None:
            return []
        rows = connection.execute(
            "SELECT DISTINCT cache_name, cache_type, hash, loader FROM entries"
            " ORDER BY cache_name, hash, cache_type, loader"
        ).fetchall()
    return [EntryKey(*row) for row in rows]


def all_of(database: Database, key: EntryKey) -> list[Found]:
    """Every cell's entry of a key, the newest first."""
    with database.reading() as connection:
        rows = _rows_of(connection, key) if connection is not None else []
    return [
        Found(entry_id, cell_id, False, created_at)
        for entry_id, cell_id, created_at, *_ in rows
    ]


def evicted_for(database: Database, key: EntryKey) -> str | None:
    """What the entry of a key was evicted for lately; None if it was not."""
    with database.reading() as connection:
        return _ghost(connection, key, "reason") if connection is not None else None


def files_hidden_until(database: Database, key: EntryKey, owner: Owner) -> float:
    """Up to when marimo's old files of a key are hidden from the owner; -inf for
    never. Those of what was evicted lately are hidden as those of what was cleared."""
    with database.reading() as connection:
        if connection is None:
            return float("-inf")
        cell_id = _own_cell(connection, database, owner)
        return hidden_before(connection, database, key, owner, cell_id)


def get_key(database: Database, key: str) -> bytes | None:
    """The bytes of the newest entry that holds a key, checked."""
    recent = database.connections.recent
    seen: list[_StoredItem] | None = None
    # Somebody may save the key anew between our look at its rows and at its file,
    # which is gone then: the rows are looked at again until they stay the same.
    while True:
        with database.reading() as connection:
            if connection is None:
                return None
            state = recent.before(connection)
            items = _items_of(connection, key)
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


def _items_of(connection: sqlite3.Connection, key: str) -> list[_StoredItem]:
    """Every entry's item of a key, the newest first."""
    rows = connection.execute(_ITEMS_OF, (key,)).fetchall()
    if len(rows) > 1:
        rows = connection.execute(_ITEMS_BY_TIME, (key,)).fetchall()
    return [_StoredItem(*row) for row in rows]


def knows_key(database: Database, key: str) -> bool:
    """Whether an entry has the key at all, its bytes right or not."""
    with database.reading() as connection:
        if connection is None:
            return False
        found = connection.execute("SELECT 1 FROM items WHERE key = ?", (key,))
        return found.fetchone() is not None


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


def hidden_before(
    connection: sqlite3.Connection,
    database: Database,
    key: EntryKey,
    owner: Owner,
    cell_id: int | None,
) -> float:
    cleared = hidden_until(connection, database, owner.roll.path, cell_id)
    evicted_at = _ghost(connection, key, "at")
    return cleared if evicted_at is None else max(cleared, float(evicted_at))


def _ghost(connection: sqlite3.Connection, key: EntryKey, column: str) -> Any:
    """What the ghost list says of a key; None if nothing."""
    try:
        row = connection.execute(
            f"SELECT {column} FROM ghosts WHERE hash = ? AND cache_name = ?"
            " AND cache_type = ? AND loader = ?",
            (key.hash, key.cache_name, key.cache_type, key.loader),
        ).fetchone()
    except sqlite3.OperationalError:
        # An older format, in a place where it cannot be brought up to date.
        return None
    return row[0] if row is not None else None


def _rows_of(
    connection: sqlite3.Connection, key: EntryKey
) -> list[tuple[int, int, float, str, str]]:
    """Entry, cell, creation time, app's path and versions of every cell's entry, the
    newest first. A row that cannot be right, a stranger's or damaged, is none."""
    return connection.execute(
        "SELECT entry_id, cell_id, created_at, path, versions FROM entries"
        " JOIN cells USING (cell_id) JOIN apps USING (app_id) WHERE hash = ?"
        " AND cache_name = ? AND cache_type = ? AND loader = ?"
        " AND typeof(created_at) = 'real' AND typeof(path) = 'text'"
        " AND typeof(versions) = 'text'"
        " ORDER BY created_at DESC",
        (key.hash, key.cache_name, key.cache_type, key.loader),
    ).fetchall()


def _own_cell(
    connection: sqlite3.Connection, database: Database, owner: Owner
) -> int | None:
    """Our id of the owner's cell, if the database knows it."""
    if owner.notebook is None or owner.kernel_id is None:
        return None
    ids = recognise(connection, database, owner.roll, owner.notebook)
    return ids.get(owner.kernel_id)


def _items(database: Database, found: Found) -> Sequence[_StoredItem]:
    if found.items is not None:
        return found.items
    with database.reading() as connection:
        return _rows(connection, found) if connection is not None else []


def _rows(connection: sqlite3.Connection, found: Found) -> list[_StoredItem]:
    """An entry's items; none at all if a blob of them is set aside or gone."""
    rows = connection.execute(
        "SELECT key, format, digest, seal, size, crc32, file, content, quarantined_at"
        " FROM items LEFT JOIN blobs USING (digest)"
        " WHERE cell_id = ? AND entry_id = ?",
        (found.cell_id, found.entry_id),
    ).fetchall()
    return _whole(rows)


def _whole(rows: Sequence[tuple[Any, ...]]) -> list[_StoredItem]:
    """The items of rows that end with when each blob was set aside; none at all if
    one was, or is gone."""
    if any(row[4] is None or row[8] is not None for row in rows):
        return []
    return [_StoredItem(*row[:8]) for row in rows]


def _checked(
    database: Database, item: _StoredItem, by_digest: bool = False, mapped: bool = False
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


def _takes_long(item: _StoredItem) -> bool:
    return item.file is not None and item.size >= ALONGSIDE_BYTES


def _place_of(database: Database, item: _StoredItem) -> str | None:
    """Where an item's bytes lie, if not in a row."""
    return None if item.file is None else f"{database.blobs}/{item.file}"


def _quarantine(database: Database, digest: bytes) -> None:
    if not database.read_only:
        with database.writing() as connection:
            blobs.quarantine(connection, digest)
