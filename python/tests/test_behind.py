"""What is written behind is read at once, committed together, and never lost."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from marimo_cellar import SqliteStore, notices
from marimo_cellar.checking.checking import audit
from marimo_cellar.database import checkpoints
from marimo_cellar.database.database import Database
from marimo_cellar.entries import behind, blobs, saving
from marimo_cellar.entries.blobs import INLINE_BYTES, Blob
from marimo_cellar.entries.entries import EntryKey, Owner
from marimo_cellar.entries.roll import Roll
from marimo_cellar.loaders.loader import SqlitePickleLoader
from marimo_cellar.session.entry_stores import EntryWriter
from tests.kernels import PACKAGE
from tests.test_store import KEY, filled, rows


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    """One that has saved its first value, so that it writes behind."""
    store = SqliteStore(str(tmp_path / "cache"), behind=True)
    assert store.put("n/P_first.pickle", b"first")
    assert store.writes_behind()
    return store


def keys_in(store: SqliteStore) -> list[str]:
    """What another program sees."""
    with closing(sqlite3.connect(store.database.path)) as connection:
        return [key for (key,) in connection.execute("SELECT key FROM items")]


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_what_waits_is_read_and_then_committed_together(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    transactions = []
    save_all = saving.save_all

    def counted(database: Database, saves: Any) -> None:
        transactions.append(len(saves))
        save_all(database, saves)

    monkeypatch.setattr(behind, "save_all", counted)
    values = {f"n/P_{number}.pickle": b"%d" % number for number in range(50)}
    values["n/P_large.pickle"] = bytes(INLINE_BYTES + 1)
    with store.database.writing():
        for key, value in values.items():
            assert store.put(key, value)
        for key, value in values.items():
            assert store.get(key) == value and store.hit(key)
        assert keys_in(store) == ["n/P_first.pickle"]
    assert store.flush()
    assert set(keys_in(store)) == {"n/P_first.pickle", *values}
    # The first of them may have gone before the others came.
    assert len(transactions) <= 2 and sum(transactions) == len(values)
    assert all(store.get(key) == value for key, value in values.items())
    assert audit(store.database, grace=0) == []


def test_of_one_key_the_last_value_stays(store: SqliteStore) -> None:
    with store.database.writing():
        for number in range(3):
            store.put("n/P_1.pickle", bytes([number]) * (INLINE_BYTES + 1))
            assert store.get("n/P_1.pickle") == bytes([number]) * (INLINE_BYTES + 1)
    assert store.flush()
    assert store.get("n/P_1.pickle") == b"\2" * (INLINE_BYTES + 1)
    assert rows(store, "SELECT count(*) FROM entries") == [(2,)]
    assert audit(store.database, grace=0) == []


def test_what_waits_is_cleared(store: SqliteStore) -> None:
    store.put("n/P_1.pickle", b"one")
    assert store.clear("n/P_1.pickle")
    assert store.get("n/P_1.pickle") is None and not store.hit("n/P_1.pickle")
    assert store.flush() and keys_in(store) == ["n/P_first.pickle"]


def test_a_lookup_finds_what_was_just_saved(store: SqliteStore) -> None:
    loader = SqlitePickleLoader("block", store=store)
    assert loader.save_cache(filled(x=[1]))
    assert loader.cache_hit(KEY)
    loaded = loader.load_cache(KEY)
    assert loaded is not None and loaded.defs == {"x": [1]}


def test_one_that_fails_takes_no_other_with_it(
    store: SqliteStore,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    keep = blobs.store

    def refusing(
        connection: sqlite3.Connection, database: Database, some: Iterable[Blob]
    ) -> None:
        some = list(some)
        if any(blob.content == b"3" for blob in some):
            raise sqlite3.OperationalError("database or disk is full")
        keep(connection, database, some)

    monkeypatch.setattr(notices, "_said", set())
    monkeypatch.setattr(blobs, "store", refusing)
    with store.database.writing():
        for number in range(6):
            assert store.put(f"n/P_{number}.pickle", b"%d" % number)
    assert not store.flush()
    assert sorted(keys_in(store)) == [
        *(f"n/P_{number}.pickle" for number in (0, 1, 2, 4, 5)),
        "n/P_first.pickle",
    ]
    assert store.get("n/P_3.pickle") is None
    said = [one for one in caplog.records if one.name == notices.logger.name]
    assert len(said) == 1 and "disk is full" in said[0].getMessage()
    # From then on who puts is told at once, until it goes well again.
    assert not store.put("n/P_3.pickle", b"3")
    assert not store.flush()
    monkeypatch.undo()
    assert store.put("n/P_3.pickle", b"3") and store.flush()
    assert audit(store.database, grace=0) == []


def test_what_waits_in_memory_has_a_limit(store: SqliteStore) -> None:
    queue = behind.queue_of(store.database)
    count = 3 * behind._BYTES // INLINE_BYTES

    def put() -> None:
        for number in range(count):
            store.put(f"n/P_{number}.pickle", number.to_bytes(4, "big") * 16_000)

    thread = threading.Thread(target=put)
    with store.database.writing():
        # What is on its way to be committed waits for its turn.
        store.put("n/P_before.pickle", b"one")
        until(lambda: not queue._waiting)
        thread.start()
        until(lambda: queue._bytes > behind._BYTES)
        assert thread.is_alive() and queue._bytes <= behind._BYTES + INLINE_BYTES
    thread.join()
    assert store.flush()
    assert len(keys_in(store)) == count + 2


def test_nobody_waits_for_what_may_still_come(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    until(lambda: not behind.queue_of(store.database)._working)
    monkeypatch.setattr(behind, "_GATHERING_SECONDS", 3600.0)
    store.put("n/P_alone.pickle", b"one")
    with behind.hurrying_all():
        until(lambda: "n/P_alone.pickle" in keys_in(store))
    dear = EntryWriter(
        store.database,
        EntryKey("n", "P", "dear", "pickle"),
        Owner(Roll(None)),
        runtime=behind._MISSED_SECONDS,
    )
    dear.put("n/P_dear.pickle", b"one")
    assert dear.finish_behind()
    until(lambda: "n/P_dear.pickle" in keys_in(store))
    many = [f"n/P_{number}.pickle" for number in range(behind._TOGETHER)]
    for key in many:
        store.put(key, b"one")
    until(lambda: set(many) <= set(keys_in(store)))


def test_no_thread_stays_behind(store: SqliteStore) -> None:
    before = set(threading.enumerate())
    store.put("n/P_1.pickle", b"one")
    until(lambda: keys_in(store) == ["n/P_first.pickle", "n/P_1.pickle"])
    until(lambda: set(threading.enumerate()) <= before)


def test_a_thread_with_nothing_else_to_do_commits_itself(store: SqliteStore) -> None:
    until(lambda: not behind.queue_of(store.database)._working)
    key = EntryKey("n", "P", "1", "pickle")
    writer = EntryWriter(store.database, key, Owner(Roll(None)))
    writer.put("n/P_1.pickle", b"one")
    ended: list[str] = []

    def then() -> None:
        ended.append(threading.current_thread().name)

    assert writer.finish_behind(then, here=True)
    assert keys_in(store) == ["n/P_first.pickle", "n/P_1.pickle"]
    assert ended == [threading.current_thread().name]


def test_nobody_waits_for_the_log_to_be_folded(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, free = threading.Event(), threading.Event()
    folded: list[str] = []

    def fold_log(database: Database) -> bool:
        folded.append(threading.current_thread().name)
        begun.set()
        return free.wait(60)

    monkeypatch.setattr(checkpoints, "WORTH_FOLDING", 0)
    monkeypatch.setattr(Database, "fold_log", fold_log)
    keys = [f"n/P_{number}.pickle" for number in range(3)]
    for key in keys:
        assert store.put(key, b"one") and store.flush()
        assert begun.wait(60)
    assert keys_in(store) == ["n/P_first.pickle", *keys]
    # One at a time, and another once that is done.
    assert len(folded) == 1
    free.set()
    behind.queue_of(store.database).join()
    assert store.put("n/P_last.pickle", b"one") and store.flush()
    until(lambda: len(folded) == 2)


ENDING = """
import os, sys, threading, time
from marimo_cellar import SqliteStore
from marimo_cellar.entries import behind
behind._GATHERING_SECONDS = 3600.0
store = SqliteStore(sys.argv[1], behind=True)
def put(what, count):
    for number in range(count):
        assert store.put(f"{what}/P_{number}.pickle", b"%d" % number)
put("main", 20)
if child := os.fork():
    # What waits at this moment is this process's to write.
    os.waitpid(child, 0)
else:
    put("child", 20)
    sys.exit()
ready = threading.Event()
def kernel():
    put("daemon", 20)
    ready.set()
    time.sleep(60)
threading.Thread(target=kernel, daemon=True).start()
ready.wait()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes do not fork here")
def test_a_process_that_ends_loses_nothing(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-c", ENDING, str(tmp_path / "cache")],
        check=True,
        cwd=PACKAGE,
        timeout=60,
    )
    store = SqliteStore(str(tmp_path / "cache"))
    assert sorted(keys_in(store)) == sorted(
        f"{who}/P_{number}.pickle"
        for who in ("main", "child", "daemon")
        for number in range(20)
    )
    assert audit(store.database, grace=0) == []
