"""Use is written in batches, and nothing is lost on the way."""

from __future__ import annotations

import json
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from marimo_cellar._marimo import HashKey
from marimo_cellar.database.database import Database
from marimo_cellar.entries import entries
from marimo_cellar.entries.entries import EntryKey, Item, Owner
from marimo_cellar.entries.roll import Roll
from marimo_cellar.entries.saving import Save, save_all
from marimo_cellar.loaders.loader import SqlitePickleLoader
from marimo_cellar.lookups import lookups
from marimo_cellar.lookups.lookup import Lookup
from marimo_cellar.notebook.notebook import FileCell, KernelCell, compose
from marimo_cellar.session.store import SqliteStore

KEY = EntryKey("cell_cache", "P", "abc", "pickle")


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    return SqliteStore(str(tmp_path / "__marimo__" / "cache"))


def owner(store: SqliteStore, name: str = "nb.py") -> Owner:
    """A cell of a notebook, in a kernel of its own."""
    cell = KernelCell("Hbol", "x = 1", frozenset("x"), frozenset())
    notebook = compose([cell], [FileCell("one", "x = 1")])
    return Owner(Roll(store.save_path.parents[1] / name), notebook, "Hbol")


def save(store: SqliteStore, whose: Owner, key: EntryKey = KEY) -> None:
    from marimo_cellar.entries.blobs import prepare

    blob = prepare(store.database, b"bytes", "pickle")
    item = Item(f"cell_cache/P_{key.hash}.pickle", "x", "pickle", None, blob)
    made = Save(key, whose, [item], 2.5, {})
    save_all(store.database, [made])
    assert made.saved and made.failure is None


def rows(store: SqliteStore, sql: str) -> list[Any]:
    with store.database.reading() as connection:
        assert connection is not None
        return connection.execute(sql).fetchall()


def test_a_hit_writes_nothing_until_its_batch_is_written(store: SqliteStore) -> None:
    mine = owner(store)
    save(store, mine)
    (found,) = entries.candidates(store.database, KEY, mine)
    at = time.time()
    for _ in range(3):
        lookups.note(Lookup(store.database, KEY, mine, "hit", at, 0.1, found=found))
    assert rows(store, "SELECT hits, last_hit_at FROM entries") == [(0, None)]
    lookups.flush()
    assert rows(store, "SELECT hits, last_hit_at FROM entries") == [(3, at)]
    assert (
        rows(store, "SELECT outcome, seconds, at FROM lookups")
        == [("hit", 0.1, at)] * 3
    )


def test_a_batch_is_written_while_the_run_goes_on(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookups, "_FLUSH_SECONDS", 0.05)
    mine = owner(store)
    save(store, mine)
    # Each batch has its own time.
    for count in (1, 2):
        lookups.note(Lookup(store.database, KEY, mine, "miss", float(count)))
        for _ in range(600):
            if rows(store, "SELECT count(*) FROM lookups") == [(count,)]:
                break
            time.sleep(0.05)
        assert rows(store, "SELECT count(*) FROM lookups") == [(count,)]


def test_a_miss_learns_its_run_time_before_or_after_it_is_written(
    store: SqliteStore,
) -> None:
    mine = owner(store)
    save(store, mine)
    early, late = (Lookup(store.database, KEY, mine, "miss", n) for n in (1.0, 2.0))
    lookups.note(early)
    early.seconds = 7.0
    lookups.note(early)
    lookups.note(late)
    lookups.flush()
    late.seconds = 8.0
    lookups.note(late)
    lookups.flush()
    assert rows(store, "SELECT at, seconds FROM lookups ORDER BY at") == [
        (1.0, 7.0),
        (2.0, 8.0),
    ]


def test_lookups_wait_for_the_first_result_and_do_not_begin_a_cache(
    store: SqliteStore,
) -> None:
    mine = owner(store)
    lookups.note(Lookup(store.database, KEY, mine, "miss", 1.0))
    lookups.flush(at_run_end=False)
    save(store, mine)
    lookups.flush(at_run_end=False)
    assert rows(store, "SELECT count(*) FROM lookups") == [(1,)]
    other = SqliteStore(str(store.save_path.parent / "other"))
    lookups.note(Lookup(other.database, KEY, mine, "miss", 1.0))
    lookups.flush()
    assert not other.save_path.exists()


def test_what_a_full_disk_has_no_room_for_is_written_once_there_is(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = owner(store)
    save(store, mine)
    full = {"kind": "full"}
    lookup = Lookup(store.database, KEY, mine, "miss", 1.0, reasons=[full])
    lookups.note(lookup)

    def fails(connection: sqlite3.Connection, one: Lookup) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(lookups, "_write_reasons", fails)
        lookups.flush()
    assert rows(store, "SELECT count(*) FROM lookups") == [(0,)]
    lookups.flush()
    ((written,),) = rows(
        store, "SELECT reasons FROM reasons JOIN lookups USING (lookup_id)"
    )
    assert [one["kind"] for one in json.loads(written)].count("full") == 1


def test_where_no_cache_begins_the_last_lookups_wait(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookups, "_MOST_WAITING", 3)
    mine = owner(store)
    for number in range(5):
        lookups.note(Lookup(store.database, KEY, mine, "miss", float(number)))
        lookups.flush(at_run_end=False)
    save(store, mine)
    lookups.flush()
    assert rows(store, "SELECT at FROM lookups ORDER BY at") == [(2.0,), (3.0,), (4.0,)]


def test_lookups_that_are_never_saved_are_not_kept_for_ever(
    store: SqliteStore,
) -> None:
    loader = SqlitePickleLoader("ask", store=store)
    keys = [HashKey(hash=f"h{number}", cache_type="Pure") for number in range(500)]
    for key in keys:
        assert loader.load_cache(key) is None
    waiting = loader._missed
    assert 0 < len(waiting) < 300 and keys[-1].hash in waiting


def test_a_fault_with_one_database_costs_no_run_and_no_other_database(
    store: SqliteStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    other = SqliteStore(str(tmp_path / "other" / "__marimo__" / "cache"))
    for one in (store, other):
        save(one, owner(one))
        lookups.note(Lookup(one.database, KEY, owner(one), "hit", time.time(), 0.1))
    write = lookups._write

    def failing(database: Database, of: list[Lookup]) -> bool:
        if database is store.database:
            raise KeyError("ours")
        return write(database, of)

    monkeypatch.setattr(lookups, "_write", failing)
    lookups.flush()
    assert rows(other, "SELECT hits FROM entries") == [(1,)]
    assert "was not written down (KeyError('ours'))" in caplog.text


def test_another_cells_entry_is_adopted_unless_this_cell_was_cleared_since(
    store: SqliteStore,
) -> None:
    one, two = owner(store, "one.py"), owner(store, "two.py")
    save(store, one)
    lookups.note(Lookup(store.database, KEY, two, "miss", 1.0))
    lookups.flush()
    (found,) = entries.candidates(store.database, KEY, two)
    assert not found.own
    hit = Lookup(store.database, KEY, two, "hit", 2.0, 0.1, found=found)
    cleared = (
        "UPDATE cells SET cleared_at = ? WHERE app_id ="
        " (SELECT app_id FROM apps WHERE path LIKE '%two.py')"
    )
    # Cleared between the hit and its batch: what was cleared does not come back.
    with store.database.writing() as connection:
        connection.execute(cleared, (time.time() + 1,))
    lookups.note(hit)
    lookups.flush()
    assert rows(store, "SELECT count(*) FROM entries") == [(1,)]
    assert entries.candidates(store.database, KEY, two) == []
    with store.database.writing() as connection:
        connection.execute(cleared, (None,))
    lookups.note(Lookup(store.database, KEY, two, "hit", 3.0, 0.1, found=found))
    lookups.flush()
    assert rows(
        store,
        "SELECT sum(hits), count(*), count(DISTINCT created_at) FROM entries",
    ) == [(1, 2, 1)]
    assert rows(store, "SELECT runtime FROM totals") == [(2.5,), (2.5,)]
    (mine, *others) = entries.candidates(store.database, KEY, two)
    assert mine.own and [other.own for other in others] == [False]


def test_no_other_entry_is_adopted_that_has_the_number_of_one_that_answered(
    store: SqliteStore,
) -> None:
    one, two = owner(store, "one.py"), owner(store, "two.py")
    save(store, one)
    (found,) = entries.candidates(store.database, KEY, two)
    hit = Lookup(store.database, KEY, two, "hit", 2.0, 0.1, found=found)
    with store.database.writing() as connection:
        connection.execute("DELETE FROM entries")
    save(store, one, replace(KEY, hash="def"))
    assert rows(store, "SELECT entry_id FROM entries") == [(found.entry_id,)]
    lookups.note(hit)
    lookups.flush()
    assert rows(
        store,
        "SELECT path, hash FROM entries JOIN cells USING (cell_id) JOIN apps"
        " USING (app_id)",
    ) == [("../../one.py", "def")]


def test_no_other_lookup_is_changed_that_has_the_number_of_one_that_is_gone(
    store: SqliteStore,
) -> None:
    mine = owner(store)
    save(store, mine)
    slow = Lookup(store.database, KEY, mine, "miss", 1.0)
    lookups.note(slow)
    lookups.flush()
    with store.database.writing() as connection:
        connection.execute("DELETE FROM lookups")
    other = replace(KEY, hash="def")
    lookups.note(Lookup(store.database, other, mine, "hit", 2.0, 0.1))
    lookups.flush()
    slow.seconds = 60.0
    slow.reasons.append({"kind": "raised", "name": "ValueError"})
    lookups.note(slow)
    lookups.flush()
    assert rows(store, "SELECT lookup_id, hash, outcome, seconds FROM lookups") == [
        (slow.lookup_id, "def", "hit", 0.1)
    ]
    assert rows(store, "SELECT * FROM reasons") == []
