"""Saving: the rows of entries, written for many of them at once."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from msgspec import Struct, field

from marimo_cellar.database import bulk
from marimo_cellar.database.database import Database, Replaced, Unavailable
from marimo_cellar.database.opening import Connection
from marimo_cellar.entries import blobs, entries, made
from marimo_cellar.entries.clearing import delete
from marimo_cellar.entries.entries import Cost, EntryKey, Item, Owner
from marimo_cellar.entries.owning import nodes_of, places
from marimo_cellar.values import checksums


class Save(Struct, eq=False):
    """An entry on its way into the database; it takes the place of an equal one.

    With `made_at`, in Unix seconds, it is an old one that is taken over. It takes
    no other's place, keeps its time, and does not come in if it was cleared since.
    Keeping its time matters: with a new one it would answer for another cell that
    was cleared.

    `saved` and `failure` say what became of it; without a failure it may still not
    be saved, as an old one that has no place. `end` is called then, on whatever thread.
    """

    key: EntryKey
    owner: Owner
    items: Sequence[Item]
    runtime: float | None
    versions: Mapping[str, object]
    made_at: float | None = None
    end: Callable[[], None] | None = None
    cost: Cost | None = None
    saved: bool = False
    failure: Exception | None = None
    created_at: float = field(default_factory=time.time)

    @property
    def size(self) -> int:
        """Bytes that are kept in memory for it."""
        return sum(len(item.blob.content or b"") for item in self.items)

    @property
    def worth(self) -> float:
        """Seconds that it would take to have it again, what it cost in money counted."""
        return (self.runtime or 0.0) + (self.cost.seconds if self.cost else 0.0)


# The id of an entry that is replaced, when it was hit last, how often, and whether it is
# pinned: where there is none.
_NONE_BEFORE = (None, None, 0, 0)


class _Placed(Struct, frozen=True):
    """A save whose cell has its row, and the node that it stands on, if it has one."""

    save: Save
    cell_id: int
    node: bytes | None

    @property
    def identity(self) -> tuple[object, ...]:
        """Equal entries have it in common: one takes the other's place."""
        key = self.save.key
        return self.cell_id, key.cache_name, key.hash, key.cache_type, key.loader


def save_all(database: Database, saves: Sequence[Save]) -> None:
    """Commits entries in one transaction, and notes of each what became of it.

    Where that fails by one of them, or may have, each gets a transaction of its own:
    no entry takes another one with it. What failed is not there at all.
    """
    try:
        _save_together(database, saves)
    except Unavailable as error:
        _fail(saves, error)
    except Exception as error:
        if len(saves) == 1:
            _fail(saves, error)
            return
        for index, save in enumerate(saves):
            save_all(database, [save])
            if isinstance(save.failure, Unavailable):
                # Each of the rest would wait for the same lock, and in vain.
                _fail(saves[index:], save.failure)
                return


def _fail(saves: Sequence[Save], error: Exception) -> None:
    for save in saves:
        save.saved, save.failure = False, error


def _save_together(database: Database, saves: Sequence[Save]) -> None:
    try:
        _commit(database, saves)
    except Replaced:
        # The database was deleted or replaced in the middle of it. The results, which
        # are newer than that, go into the one that is begun anew.
        _commit(database, saves)


def _commit(database: Database, saves: Sequence[Save]) -> None:
    replaced: set[bytes] = set()
    with _transaction(database, saves) as connection:
        owners = [save.owner for save in saves]
        cell_ids = places(connection, database, owners)
        waiting = [
            _Placed(*one)
            for one in zip(saves, cell_ids, nodes_of(connection, owners), strict=True)
        ]
        while waiting:
            # Equal ones one after the other.
            first = {placed.identity: placed for placed in reversed(waiting)}
            now = [one for one in waiting if first[one.identity] is one]
            waiting = [one for one in waiting if first[one.identity] is not one]
            replaced.update(_write(connection, database, now))
        files = blobs.remove_unused(connection, replaced)
        if not replaced:
            # An entry that took another one's place may lack keys that this one had.
            database.connections.recent.committing(
                connection, [item.key for save in saves for item in save.items]
            )
    # All is saved by now, and files that no row names are found by the next sweep.
    with suppress(sqlite3.Error, OSError, Unavailable):
        blobs.unlink(database, files)


def _write(
    connection: sqlite3.Connection, database: Database, placed: Sequence[_Placed]
) -> list[bytes]:
    """Writes entries no two of which are equal; the digests of those they replace."""
    before = {
        row[4:]: row[:4]
        for row in bulk.matching(
            connection,
            "SELECT entry_id, last_hit_at, hits, pinned,"
            " cell_id, cache_name, hash, cache_type, loader FROM entries WHERE hash IN",
            list({one.save.key.hash for one in placed}),
        )
    }
    new = []
    for one in placed:
        one.save.saved = one.save.made_at is None or (
            one.identity not in before and _may_come(connection, database, one)
        )
        if one.save.saved:
            new.append(one)
    blobs.store(
        connection, database, [item.blob for one in new for item in one.save.items]
    )
    replaced = delete(
        connection,
        [before[one.identity][0] for one in new if one.identity in before],
    )
    _insert(
        connection,
        [(one, before.get(one.identity, _NONE_BEFORE)[1:]) for one in new],
    )
    return replaced


def _insert(
    connection: sqlite3.Connection, new: Sequence[tuple[_Placed, tuple[object, ...]]]
) -> None:
    """Writes the rows of entries, each with how its predecessor was used and pinned."""
    # As SQLite numbers them itself, one by one.
    (last,) = connection.execute("SELECT max(entry_id) FROM entries").fetchone()
    first = (last or 0) + 1
    _insert_entries(connection, first, new)
    numbered = [(entry_id, one) for entry_id, (one, _) in enumerate(new, first)]
    _insert_items(connection, numbered)
    made.write(
        connection,
        [
            (entry_id, of)
            for entry_id, one in numbered
            if (of := one.save.owner.made) is not None
        ],
    )
    bulk.insert(
        connection,
        "INSERT INTO costs (entry_id, amount, seconds)",
        [
            (entry_id, cost.amount, cost.seconds)
            for entry_id, one in numbered
            if (cost := one.save.cost) is not None
        ],
    )


def _insert_entries(
    connection: sqlite3.Connection,
    first: int,
    new: Sequence[tuple[_Placed, tuple[object, ...]]],
) -> None:
    """Writes entries' own rows, numbered from `first` on."""
    # Most often the same for all.
    versions = {id(one.save.versions): one.save.versions for one, _ in new}
    texts = {key: json.dumps(value) for key, value in versions.items()}
    bulk.insert(
        connection,
        "INSERT INTO entries (entry_id, cell_id, cache_name, hash, cache_type, loader,"
        " last_hit_at, hits, pinned, node, runtime, created_at, versions)",
        [
            (
                entry_id,
                *one.identity,
                *used,
                one.node,
                one.save.runtime,
                one.save.created_at if one.save.made_at is None else one.save.made_at,
                texts[id(one.save.versions)],
            )
            for entry_id, (one, used) in enumerate(new, first)
        ],
    )


def _insert_items(
    connection: sqlite3.Connection, numbered: Sequence[tuple[int, _Placed]]
) -> None:
    """Writes the rows of the items of entries, by their ids."""
    bulk.insert(
        connection,
        "INSERT INTO items (cell_id, entry_id, key, name, format, type_hint, digest,"
        " seal)",
        [
            (
                one.cell_id,
                entry_id,
                item.key,
                item.name,
                item.format,
                item.type_hint,
                item.blob.digest,
                checksums.seal(item.key, item.blob.digest, item.blob.size),
            )
            for entry_id, one in numbered
            for item in one.save.items
        ],
    )


def _may_come(connection: sqlite3.Connection, database: Database, one: _Placed) -> bool:
    """Whether an old entry was not cleared since it was made."""
    hidden = entries.hidden_before(
        connection, database, one.save.key, one.save.owner, one.cell_id
    )
    return one.save.made_at is not None and one.save.made_at > hidden


@contextmanager
def _transaction(database: Database, saves: Sequence[Save]) -> Iterator[Connection]:
    """`Database.writing`, after whose failure the rolls forget what they wrote."""
    try:
        with database.writing(folding=False, little=True) as connection:
            yield connection
    except BaseException:
        for save in saves:
            save.owner.roll.forget()
        raise
