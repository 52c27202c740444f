"""The entries that the next lookups are likely to ask for, read in one query.

A cell most often meets what it met last. A notebook whose cells are served one after
the other asked two queries for each, which took longer than to restore its value. So
with the first that is found, what all of its cells met last is read along, values in
rows included, and answers until somebody commits. So it is with a function that is
called again and again, as a loop over prompts does: its calls most often ask for its
entries in the order in which they were made. What is read ahead is believed no sooner
than what a query finds: its bytes are checked when they are loaded.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import islice

from marimo_cellar.database.apps import app_path
from marimo_cellar.database.database import Database
from marimo_cellar.database.found import Found
from marimo_cellar.database.recent import Expected, State
from marimo_cellar.database.sequential import SequentialReads
from marimo_cellar.entries import blobs, entries, keys
from marimo_cellar.entries.entries import EntryKey, Owner
from marimo_cellar.entries.roll import Roll, recognised
from marimo_cellar.entries.upcoming import Upcoming

# Bytes of values that are read for one notebook, and for the next calls.
_MOST_BYTES = 4 * 2**20
_CALLS_BYTES = 2**20
# To read so many takes about as long as one lookup by its own queries.
_WORTH_A_LOOKUP = 8

Likely = Iterable[tuple[EntryKey, Found]]


def expected(database: Database, key: EntryKey, owner: Owner) -> Found | None:
    """The cell's own entry of a key, without a query; None if nothing is known."""
    ids = None if owner.notebook is None else recognised(owner.roll, owner.notebook)
    own = None if ids is None or owner.kernel_id is None else ids.get(owner.kernel_id)
    if own is None:
        return None
    return database.connections.recent.expected(keys.key_of(key), own)


def read_ahead(database: Database, roll: Roll, key: EntryKey, found: Found) -> None:
    """After a query has found what answers a lookup: more of the notebook's may follow.

    Whatever fails, later lookups ask for what they need.
    """
    if not found.own:
        return
    with suppress(Exception):
        if not key.is_of_cell:
            _read_calls(database, roll, key, found)
        # Not before as many were looked for as it takes to be worth it.
        if roll.lookups_to_go > 0:
            roll.lookups_to_go -= 1
        else:
            _read_cells(database, roll)


def fetch_ahead(database: Database, roll: Roll, found: Found) -> None:
    """Has the system read the files that the notebook's next cells are likely to need,
    while an entry that answers is read, checked and restored."""
    if roll.upcoming is not None:
        blobs.prefetch(database, roll.upcoming.files_after(found))


def _read_cells(database: Database, roll: Roll) -> None:
    """What the notebook's cells met last, if anybody has committed since it was read."""
    read = _read(database, roll, entries.met_last, _MOST_BYTES, roll.read_ahead_in)
    if read is not None:
        roll.read_ahead_in, likely = read
        roll.lookups_to_go = len(likely) // _WORTH_A_LOOKUP
        roll.upcoming = Upcoming([one for of in likely.values() for one in of.values()])


def _read_calls(database: Database, roll: Roll, key: EntryKey, found: Found) -> None:
    """What the calls after this one are likely to ask for, if they come in order."""
    place = (found.cell_id, key.cache_name)
    calls = roll.calls.setdefault(place, SequentialReads())
    count = calls.worth_ahead(found.entry_id)
    if not count:
        return

    def next_ones(connection: sqlite3.Connection, app: str) -> Likely:
        return islice(entries.made_after(connection, app, key, found), count)

    if read := _read(database, roll, next_ones, _CALLS_BYTES):
        founds = [one for cells in read[1].values() for one in cells.values()]
        calls.until = max((one.entry_id for one in founds), default=found.entry_id)


def _read(
    database: Database,
    roll: Roll,
    likely: Callable[[sqlite3.Connection, str], Likely],
    most: int,
    known: object = None,
) -> tuple[State, Expected] | None:
    """Reads what is likely to be asked for, up to so many bytes of values, the most
    likely first; None where the database is still in a state that is `known`."""
    with database.reading() as connection:
        if connection is None:
            return None
        recent = database.connections.recent
        state = recent.before(connection)
        if state is None or state == known:
            return None
        expected: Expected = {}
        for key, found in likely(connection, app_path(database.folder, roll.path)):
            most -= found.bytes_held
            if most < 0:
                break
            expected.setdefault(keys.key_of(key), {})[found.cell_id] = found
        recent.expect(state, expected)
    return state, expected
