"""One database for many: locks, logs, and other files in its place."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from marimo_cellar import SqliteStore
from marimo_cellar.database import checkpoints, database, opening, schema, turns
from marimo_cellar.entries import blobs
from tests.kernels import PACKAGE, output_of
from tests.test_store import audit, rows


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    return SqliteStore(str(tmp_path / "cache"))


pytestmark = pytest.mark.usefixtures("heard")


@contextmanager
def locked(store: SqliteStore) -> Iterator[sqlite3.Connection]:
    """Another program in a transaction."""
    other = sqlite3.connect(store.database.path, isolation_level=None)
    other.execute("PRAGMA wal_autocheckpoint = 0")
    other.execute("BEGIN IMMEDIATE")
    try:
        yield other
    finally:
        other.close()


# Locks


def test_a_lock_that_is_held_for_good_costs_one_warning_that_says_who(
    store: SqliteStore, heard: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
    assert store.put("n/P_1.pickle", b"one")
    with locked(store):
        assert not store.put("n/P_2.pickle", b"two")
        assert not store.put("n/P_3.pickle", b"three")
        assert not store.clear("n/P_1.pickle")
        # Whoever only reads does not wait.
        assert store.get("n/P_1.pickle") == b"one"
    (message,) = heard.messages
    assert "another program keeps" in message and "is locked" not in message
    assert store.put("n/P_2.pickle", b"two")
    assert store.get("n/P_2.pickle") == b"two"


def test_after_a_wait_in_vain_the_next_is_short(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    begin = turns.begin

    def noted(connection: sqlite3.Connection, path: Path, patience: float) -> None:
        waits.append(patience)
        begin(connection, path, 0 if patience < 10 else 0.01)

    store.put("n/P_1.pickle", b"one")
    monkeypatch.setattr(turns, "begin", noted)
    with locked(store):
        for _ in range(3):
            store.put("n/P_2.pickle", b"two")
    store.put("n/P_2.pickle", b"two")
    store.put("n/P_3.pickle", b"three")
    assert waits == [10, 0.25, 0.25, 0.25, 10]


@pytest.mark.skipif(sys.platform == "win32", reason="no such locks there")
def test_who_comes_while_others_wait_lets_them_ask_first(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    store.put("n/P_1.pickle", b"one")
    assert pauses == []
    with turns._waiting(store.database.path):
        assert store.put("n/P_2.pickle", b"two")
    assert len(pauses) == 1
    store.put("n/P_3.pickle", b"three")
    assert len(pauses) == 1


def test_nothing_of_ours_keeps_a_snapshot(store: SqliteStore) -> None:
    for number in range(20):
        store.put(f"n/P_{number}.pickle", os.urandom(100_000))
        store.get(f"n/P_{number}.pickle")
        store.hit(f"n/P_{number}.pickle")
        store.clear(f"n/P_{number // 2}.pickle")
    assert store.database.connections.idle
    outsider = sqlite3.connect(store.database.path, isolation_level=None)
    # Only where no connection is in the middle of a query can the log be cut.
    (busy, _, _) = outsider.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    outsider.close()
    assert busy == 0 and store.database.log_size() == 0


# The log


def test_the_log_of_a_database_that_is_always_read_has_an_end(
    store: SqliteStore, heard: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "TOO_LARGE", 400_000)
    monkeypatch.setattr(checkpoints, "FULL", 600_000)
    monkeypatch.setattr(checkpoints, "_FOLDING_SECONDS", 0)
    monkeypatch.setattr(database, "_BACK_OFF_SECONDS", 0.01)
    store.put("n/P_0.pickle", b"zero")
    reader = sqlite3.connect(store.database.path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM entries").fetchone()
    saved = [store.put(f"n/P_{n}.pickle", os.urandom(50_000)) for n in range(30)]
    assert saved[0] and not saved[-1]
    assert store.database.log_size() < 800_000
    (message,) = heard.messages
    assert "has been reading" in message
    reader.close()
    assert store.put("n/P_1.pickle", b"one")
    for number in range(30):
        assert store.put(f"n/P_{number}.pickle", os.urandom(50_000))
    audit(store)


def test_a_long_log_is_folded_before_the_next_write(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "WORTH_FOLDING", 2**40)
    monkeypatch.setattr(checkpoints, "TOO_LARGE", 400_000)
    sizes = []
    for number in range(30):
        assert store.put(f"n/P_{number}.pickle", os.urandom(50_000))
        sizes.append(store.database.log_size())
    assert max(sizes) < 800_000


# Another file in its place


def remove(store: SqliteStore, which: str = "cache.db*") -> None:
    for file in store.database.folder.glob(which):
        file.unlink()


@pytest.mark.parametrize("journal", ["wal", "delete"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_database_deleted_in_the_middle_of_a_save_gets_it_all_the_same(
    when: str,
    journal: str,
    store: SqliteStore,
    heard: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store.put("n/P_1.pickle", b"one")
    store.database.close()
    connection = sqlite3.connect(store.database.path)
    connection.execute(f"PRAGMA journal_mode = {journal}")
    connection.close()
    once = blobs.store

    def store_and_remove(*arguments: object) -> None:
        monkeypatch.setattr(blobs, "store", once)
        if when == "before":
            remove(store)
        once(*arguments)  # type: ignore[arg-type]
        if when == "after":
            remove(store)

    monkeypatch.setattr(blobs, "store", store_and_remove)
    assert store.put("n/P_2.pickle", b"two")
    assert store.get("n/P_2.pickle") == b"two"
    assert store.get("n/P_1.pickle") is None
    assert heard.messages == []
    audit(store)


def test_a_database_moved_while_it_is_waited_for_is_begun_anew(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put("n/P_1.pickle", b"one")
    begin = turns.begin

    def begin_late(connection: sqlite3.Connection, path: Path, patience: float) -> None:
        monkeypatch.setattr(turns, "begin", begin)
        store.database.path.rename(store.database.folder / "moved.db")
        begin(connection, path, patience)

    monkeypatch.setattr(turns, "begin", begin_late)
    assert store.put("n/P_2.pickle", b"two")
    assert rows(store, "SELECT key FROM items") == [("n/P_2.pickle",)]


def test_a_database_replaced_once_it_is_open_and_not_looked_at_yet_is_not_used(
    store: SqliteStore,
    tmp_path: Path,
    heard: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert store.put("n/P_old.pickle", b"old")
    store.database.close()
    other = SqliteStore(str(tmp_path / "other"))
    assert other.put("n/P_new.pickle", b"new")
    other.database.close()
    connect = opening.connect

    def connect_and_replace(path: Path, options: str) -> opening.Connection:
        monkeypatch.setattr(opening, "connect", connect)
        connection = connect(path, options)
        other.database.path.replace(path)
        return connection

    monkeypatch.setattr(opening, "connect", connect_and_replace)
    assert store.get("n/P_new.pickle") == b"new"
    assert store.get("n/P_old.pickle") is None
    assert heard.messages == []
    audit(store)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="SQLite's codes are not told")
@pytest.mark.parametrize("fault", ["gone", "log gone", "moved"])
def test_a_database_that_goes_while_sqlite_opens_it_is_begun_anew(
    fault: str,
    store: SqliteStore,
    heard: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert store.put("n/P_old.pickle", b"old")
    store.database.close()
    connect, at, create = opening._connect, opening._at, schema.create

    def connect_and_remove(*arguments: Any) -> opening.Connection:
        monkeypatch.setattr(opening, "_connect", connect)
        connection = connect(*arguments)
        remove(store)
        return connection

    def create_late(*arguments: Any) -> bool:
        monkeypatch.setattr(schema, "create", create)
        # What SQLite says where two that begin a database remove a log at once.
        error: Any = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorname = "SQLITE_IOERR_DELETE_NOENT"
        raise error

    def move_and_look(path: Path) -> opening.File | None:
        monkeypatch.setattr(opening, "_at", at)
        path.rename(path.with_name("moved.db"))
        path.touch()
        return at(path)

    match fault:
        case "gone":
            monkeypatch.setattr(opening, "_connect", connect_and_remove)
        case "log gone":
            remove(store)
            monkeypatch.setattr(schema, "create", create_late)
        case "moved":
            remove(store)
            monkeypatch.setattr(opening, "_at", move_and_look)
    assert store.put("n/P_new.pickle", b"new")
    assert store.get("n/P_new.pickle") == b"new"
    assert heard.messages == []
    audit(store)


# A process that has the database open, and does as it is told.
OTHER = """
    import sys
    from marimo_cellar import SqliteStore
    store = SqliteStore(sys.argv[1])
    for line in sys.stdin:
        what, key = line.split()
        if what == "put":
            print(store.put(key, key.encode()), flush=True)
        else:
            print(store.get(key), flush=True)
"""


class Other:
    """Another process with the cache open."""

    def __init__(self, store: SqliteStore) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", dedent(OTHER), str(store.save_path)],
            cwd=PACKAGE,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, what: str, key: str) -> str:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(f"{what} {key}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def __enter__(self) -> Other:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate()


@pytest.mark.skipif(sys.platform == "win32", reason="an open file cannot be deleted")
@pytest.mark.parametrize("left", ["", "-wal", "-shm", "-wal -shm"])
def test_what_is_left_of_a_deleted_database_that_is_open_is_not_taken_for_the_new_one(
    left: str, store: SqliteStore, heard: pytest.LogCaptureFixture
) -> None:
    with Other(store) as other:
        for number in range(40):
            assert other.ask("put", f"n/P_{number}.pickle") == "True"
        for end in ("", "-wal", "-shm"):
            if not end or end not in left.split():
                Path(f"{store.database.path}{end}").unlink()
        # The one begins it anew while the other still has the old one open.
        assert store.get("n/P_1.pickle") is None
        assert store.put("n/P_new.pickle", b"new")
        assert store.get("n/P_1.pickle") is None
        assert other.ask("get", "n/P_new.pickle") == "b'new'"
        assert other.ask("get", "n/P_1.pickle") == "None"
        assert other.ask("put", "n/P_other.pickle") == "True"
        assert store.get("n/P_other.pickle") == b"n/P_other.pickle"
        audit(store)
        assert rows(store, "PRAGMA journal_mode") == [("wal",)]
    assert heard.messages == []
    audit(store)


def test_the_log_of_a_killed_process_is_not_played_into_a_new_database(
    store: SqliteStore,
) -> None:
    output_of(
        """
        import os, sys
        from marimo_cellar import SqliteStore
        store = SqliteStore(sys.argv[1])
        for number in range(40):
            store.put(f"n/P_{number}.pickle", b"old")
        os._exit(0)
        """,
        store.save_path,
    )
    assert store.database.log_size() > 0
    remove(store, "cache.db")
    assert store.put("n/P_new.pickle", b"new")
    assert rows(store, "SELECT key FROM items") == [("n/P_new.pickle",)]
    audit(store)
