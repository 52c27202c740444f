"""Taking over what marimo cached in files before Cellar came.

A lookup that the database misses is answered from marimo's own file, if there is
one, and the entry is then taken into the database as it is.
"""

from __future__ import annotations

import time
from typing import Any

from marimo_cellar import _marimo
from marimo_cellar.database.database import Database
from marimo_cellar.entries import entries
from marimo_cellar.entries.contents import Loaded
from marimo_cellar.entries.entries import EntryKey, Owner
from marimo_cellar.loaders.published import is_published
from marimo_cellar.loaders.restoring import Restoring
from marimo_cellar.lookups import lookups
from marimo_cellar.lookups.lookup import Lookup
from marimo_cellar.session.entry_stores import EntryWriter, described
from marimo_cellar.session.saves import SavesInFlight
from marimo_cellar.session.stock import StockFiles


def answer(
    asking: Restoring,
    lookup: Lookup,
    key: _marimo.HashKey,
    glbls: dict[str, Any] | None,
) -> _marimo.Cache | None:
    """What a loader without an entry is answered by marimo's own file.

    That is then taken in, and noted as a hit. Of a miss, `lookup.why` says why a file
    that is there does not serve.
    """
    database = lookup.database
    try:
        made_at = old_file(database, asking.stock, lookup.key, lookup.owner)
        if made_at is None:
            return None
        loaded = asking.stock.load(lookup.key)
    except Exception as error:
        asking.failed(database, error)
        return None
    cache, lookup.why = asking.restored(database, key, loaded, glbls)
    if cache is None:
        return None
    lookup.outcome, lookup.seconds = "hit", time.time() - lookup.at
    try:
        _take_in(asking.saves, lookup, loaded, made_at, cache)
    except Exception as error:
        asking.failed(database, error)
    return cache


def old_file(
    database: Database, stock: StockFiles, entry: EntryKey, owner: Owner
) -> float | None:
    """When an entry's file was made, in Unix seconds; None if none may answer."""
    made_at = stock.made_at(entry)
    if made_at is None or made_at <= entries.files_hidden_until(database, entry, owner):
        return None
    # What is there for an export only was in the database, and is gone from there.
    return None if is_published(stock, entry) else made_at


def _take_in(
    saves: SavesInFlight,
    lookup: Lookup,
    loaded: Loaded,
    made_at: float,
    cache: _marimo.Cache,
) -> None:
    """Writes the entry that answered a lookup, on a thread, as a save is.

    The lookup is noted once that is done, so that it counts for the entry.
    """
    writer = EntryWriter(
        lookup.database, lookup.key, lookup.owner, None, *described(cache), made_at
    )

    def write() -> None:
        for key, data in loaded.contents.items():
            writer.put(key, data)
        writer.finish()
        lookups.note(lookup)

    saves.start(write)
