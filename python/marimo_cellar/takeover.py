"""Taking over what marimo cached in files before Cellar came.

A lookup that the database misses is answered from marimo's own file, if there is
one, and the entry is then taken into the database as it is.
"""

from __future__ import annotations

from marimo_cellar import entries, lookups
from marimo_cellar.contents import Loaded
from marimo_cellar.database import Database
from marimo_cellar.entries import EntryKey, Owner
from marimo_cellar.entry_stores import EntryWriter
from marimo_cellar.lookups import Lookup
from marimo_cellar.published import is_published
from marimo_cellar.saves import SavesInFlight
from marimo_cellar.stock import StockFiles


def old_file(
    database: Database, stock: StockFiles, entry: EntryKey, owner: Owner
) -> float | None:
    """When an entry's file was made, in Unix seconds; None if none may answer."""
    made_at = stock.made_at(entry)
    if made_at is None or made_at <= entries.files_hidden_until(database, entry, owner):
        return None
    # What is there for an export only was in the database, and is gone from there.
    return None if is_published(stock, entry) else made_at


def take_in(
    saves: SavesInFlight,
    lookup: Lookup,
    loaded: Loaded,
    made_at: float,
    label: str,
    type_hint: str | None,
) -> None:
    """Writes the entry that answered a lookup, on a thread, as a save is.

    The lookup is noted once that is done, so that it counts for the entry.
    """
    writer = EntryWriter(
        lookup.database, lookup.key, lookup.owner, None, label, type_hint, made_at
    )

    def write() -> None:
        for key, data in loaded.contents.items():
            writer.put(key, data)
        writer.finish()
        lookups.note(lookup)

    saves.start(write)
