"""What lookups met, written down in batches.

A write on every hit would cost two to three times the hit. So use is kept in
memory and written at the end of a run, and a few seconds after the first lookup
that is not written yet; a killed kernel loses that much.
"""

from __future__ import annotations

import atexit
import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec.structs import replace

from marimo_cellar.database import bulk, faults
from marimo_cellar.database.database import Database, Unavailable
from marimo_cellar.database.found import Found
from marimo_cellar.entries.owning import nodes_of, places
from marimo_cellar.forks import Lock, in_child
from marimo_cellar.lookups.lookup import Lookup
from marimo_cellar.notices import warn_once
from marimo_cellar.values.alongside import later

if TYPE_CHECKING:
    from marimo_cellar.lookups.why import Explainer

_FLUSH_SECONDS = 5.0
# Of those that wait for a cache to be begun, the last ones. Where none can be, a script
# that calls a function a million times would keep a million.
_MOST_WAITING = 1000


_lock = Lock()
_waiting: dict[Database, list[Lookup]] = {}
# Keeps what waits from being written after some seconds.
_cancel: Callable[[], None] | None = None
_noted = 0


def note(lookup: Lookup) -> None:
    """Remembers a lookup, or that what is known of it changed."""
    global _noted, _cancel
    with _lock.native:
        _noted += 1
        _waiting.setdefault(lookup.database, []).append(lookup)
        if _cancel is None:
            _cancel = later(_FLUSH_SECONDS, lambda: flush(at_run_end=False))


def note_hit(lookup: Lookup, found: Found) -> None:
    """Remembers that an entry has just answered a lookup."""
    lookup.outcome, lookup.seconds = "hit", time.time() - lookup.at
    # Without the bytes, which would stay in memory until it is written.
    lookup.found = replace(found, items=None)
    note(lookup)


def noted() -> int:
    """How many were noted in this process: grows while cells run."""
    return _noted


def flush(at_run_end: bool = True) -> None:
    """Writes what is remembered. Never raises: use is not worth a run.

    That something was looked for is no reason to begin a cache. Where there is
    none, the first result of the run may still begin it, but its end does not.
    """
    global _cancel
    with _lock.native:
        batches = list(_waiting.items())
        _waiting.clear()
        if _cancel is not None:
            _cancel()
            _cancel = None
    for database, lookups in batches:
        try:
            if not _write(database, lookups) and not at_run_end:
                _keep(database, lookups)
        except Exception as error:
            if faults.is_full(error):
                # Once there is room, it says why nothing was saved before.
                _keep(database, lookups)
            # What is the matter with a database, it has told the user.
            if not isinstance(error, (sqlite3.Error, OSError, Unavailable)):
                warn_once(
                    "lookups",
                    str(database.path),
                    f"what lookups met was not written down ({error!r}).",
                )
            for lookup in lookups:
                lookup.owner.roll.forget()


def _keep(database: Database, lookups: list[Lookup]) -> None:
    """Has lookups that could not be written wait for the next time."""
    with _lock.native:
        waiting = _waiting.setdefault(database, [])
        waiting[:0] = lookups
        del waiting[:-_MOST_WAITING]


def _write(database: Database, lookups: list[Lookup]) -> bool:
    """False where there is no database to write to. What fails, changes no lookup."""
    new = [(one, one.reasons) for one in lookups if one.lookup_id is None]
    try:
        return _write_all(database, lookups)
    except BaseException:
        for lookup, reasons in new:
            lookup.lookup_id, lookup.reasons = None, reasons
        raise


def _write_all(database: Database, lookups: list[Lookup]) -> bool:
    with database.reading() as connection:
        if connection is None:
            return False
        if database.read_only:
            return True
    with database.writing(little=True) as connection:
        lookups = list(dict.fromkeys(lookups))
        explainer = _explainer(connection, lookups)
        new = [lookup for lookup in lookups if lookup.lookup_id is None]
        owners = [lookup.owner for lookup in new]
        cells = dict(zip(new, places(connection, database, owners), strict=True))
        for lookup in lookups:
            if (cell_id := cells.get(lookup)) is not None:
                _insert(connection, lookup, cell_id, explainer)
            else:
                _update(connection, lookup, explainer)
    return True


def _insert(
    connection: sqlite3.Connection,
    lookup: Lookup,
    cell_id: int,
    explainer: Explainer | None,
) -> None:
    """Writes a lookup that has no row yet, of a cell."""
    if lookup.outcome == "hit":
        _count(connection, lookup, cell_id)
    why = explainer.explain(lookup, cell_id) if explainer is not None else None
    saves_nothing = lookup.outcome == "hit" and _runs_anyway(lookup)
    lookup.lookup_id = connection.execute(
        "INSERT INTO lookups (cell_id, cache_name, hash, outcome, at, seconds, why)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            cell_id,
            lookup.key.cache_name,
            lookup.key.hash,
            "miss" if saves_nothing else lookup.outcome,
            lookup.at,
            lookup.seconds,
            why,
        ),
    ).lastrowid
    if saves_nothing:
        # A trigger counts among the savings what is inserted as a hit.
        connection.execute(
            "UPDATE lookups SET outcome = 'hit' WHERE lookup_id = ?",
            (lookup.lookup_id,),
        )
    _write_reasons(connection, lookup)


def _update(
    connection: sqlite3.Connection, lookup: Lookup, explainer: Explainer | None
) -> None:
    """Writes what became known of a lookup since it was written."""
    why = explainer.sentence(lookup) if explainer is not None else None
    # Its row may be gone by now, and its number another lookup's: it was cleared, or the
    # database was begun anew.
    there = connection.execute(
        "UPDATE lookups SET seconds = ?, why = ?"
        " WHERE lookup_id = ? AND at = ? AND hash = ?",
        (lookup.seconds, why, lookup.lookup_id, lookup.at, lookup.key.hash),
    ).rowcount
    if there:
        _write_reasons(connection, lookup)


def _explainer(
    connection: sqlite3.Connection, lookups: list[Lookup]
) -> Explainer | None:
    """What explains the lookups; None for hits of which there is nothing to say.

    To import it takes longer than to write down that all cells of a small notebook hit.
    """
    found = [one.found.entry_id for one in lookups if one.found is not None]
    if all(one.outcome == "hit" for one in lookups) and not bulk.matching(
        connection, "SELECT entry_id FROM reads WHERE entry_id IN", found
    ):
        return None
    from marimo_cellar.lookups.why import Explainer

    return Explainer(connection, lookups)


def _runs_anyway(lookup: Lookup) -> bool:
    """Whether what answered is of no use to a cell that marimo runs all the same."""
    if not lookup.reasons:
        return False
    # Imported where it is needed: few lookups that hit have any reason.
    from marimo_cellar.lookups.reasons import keeps_running

    return keeps_running(lookup.reasons)


def _write_reasons(connection: sqlite3.Connection, lookup: Lookup) -> None:
    """Writes the reasons of a lookup that has its row."""
    if lookup.reasons:
        connection.execute(
            "INSERT OR REPLACE INTO reasons (lookup_id, reasons) VALUES (?, ?)",
            (lookup.lookup_id, json.dumps(lookup.reasons)),
        )


def _count(connection: sqlite3.Connection, lookup: Lookup, cell_id: int) -> None:
    """Counts a hit, for the cell's own entry; it becomes so by the hit."""
    key = lookup.key
    if lookup.found is not None and lookup.found.cell_id != cell_id:
        # Imported where it is needed: most often a cell's own entry answers it.
        from marimo_cellar.entries.adopting import adopt

        (node,) = nodes_of(connection, [lookup.owner])
        adopt(connection, lookup.found.entry_id, key, cell_id, node)
    connection.execute(
        "UPDATE entries SET hits = hits + 1,"
        " last_hit_at = max(coalesce(last_hit_at, 0), ?)"
        " WHERE cell_id = ? AND cache_name = ? AND hash = ? AND cache_type = ?"
        " AND loader = ?",
        (lookup.at, cell_id, key.cache_name, key.hash, key.cache_type, key.loader),
    )


def _after_fork() -> None:
    # The parent's lookups are the parent's to write, its threads did not come along.
    global _cancel
    _cancel = None
    _waiting.clear()


def _at_exit() -> None:
    with suppress(Exception):
        flush()


atexit.register(_at_exit)

in_child(_after_fork)
