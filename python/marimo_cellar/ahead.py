"""The entries that a notebook's next lookups are likely to ask for, read in one query.

A cell most often meets what it met last. A notebook whose cells are served one after
the other asked two queries for each, which took longer than to restore its value. So
with the first that is found, what all of its cells met last is read along, values in
rows included, and answers until somebody commits. It is believed no sooner than what a
query finds: its bytes are checked when they are loaded.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress

from marimo_cellar import entries, keys
from marimo_cellar.cells import app_path
from marimo_cellar.database import Database, Unavailable
from marimo_cellar.entries import EntryKey, Found, Owner
from marimo_cellar.recent import Expected
from marimo_cellar.roll import Roll, recognised

# Bytes of values that are read for one notebook.
_MOST_BYTES = 4 * 2**20
# To read so many takes about as long as one lookup by its own queries.
_WORTH_A_LOOKUP = 8


def expected(database: Database, key: EntryKey, owner: Owner) -> Found | None:
    """The cell's own entry of a key, without a query; None if nothing is known."""
    ids = None if owner.notebook is None else recognised(owner.roll, owner.notebook)
    own = None if ids is None or owner.kernel_id is None else ids.get(owner.kernel_id)
    if own is None:
        return None
    return database.connections.recent.expected(keys.key_of(key), own)


def read_ahead(database: Database, roll: Roll, found: Found) -> None:
    """After a query has found what answers a lookup: more of the notebook's may follow.

    Not while nobody has committed since the last time, and not before as many were
    looked for as it takes to be worth it. Whatever fails, later lookups ask for what
    they need.
    """
    if not found.own:
        return
    if roll.lookups_to_go > 0:
        roll.lookups_to_go -= 1
        return
    with suppress(sqlite3.Error, Unavailable):
        _read_ahead(database, roll)


def _read_ahead(database: Database, roll: Roll) -> None:
    with database.reading() as connection:
        if connection is None:
            return
        recent = database.connections.recent
        state = recent.before(connection)
        if state is None or state == roll.read_ahead_in:
            return
        likely: Expected = {}
        left = _MOST_BYTES
        count = 0
        app = app_path(database, roll.path)
        for key, one in entries.met_last(connection, app):
            left -= sum(len(item.content or b"") for item in one.items or ())
            if left < 0:
                break
            likely.setdefault(keys.key_of(key), {})[one.cell_id] = one
            count += 1
        recent.expect(state, likely)
    roll.read_ahead_in = state
    roll.lookups_to_go = count // _WORTH_A_LOOKUP
