"""The database file: how it is made, opened, written by many, and folded."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from textwrap import dedent
from typing import Any, cast

import pytest

from marimo_cellar.database import checkpoints, opening, schema, watching
from marimo_cellar.database.database import Database, Unavailable, database_in
from marimo_cellar.database.opening import connect
from marimo_cellar.database.schema import APPLICATION_ID
from marimo_cellar.session.store import SqliteStore
from tests.kernels import PACKAGE
from tests.test_store import audit


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    # Other tests of this process may have met as many databases as one watches.
    monkeypatch.setattr(watching, "_handles", {})
    return database_in(tmp_path / "cache")


def pragma(database: Database, name: str) -> object:
    with database.reading() as connection:
        assert connection is not None
        return connection.execute(f"PRAGMA {name}").fetchone()[0]


def test_the_file_is_as_the_design_says(database: Database) -> None:
    with database.writing():
        pass
    expected = {
        "application_id": APPLICATION_ID,
        "user_version": schema.VERSION,
        "page_size": 8192,
        "auto_vacuum": 2,
        "journal_mode": "wal",
        "synchronous": 1,
        "wal_autocheckpoint": 0,
        "foreign_keys": 1,
        "trusted_schema": 0,
        "secure_delete": 0,
    }
    assert {name: pragma(database, name) for name in expected} == expected


def test_only_what_changes_little_is_undone_by_what_is_in_memory(
    database: Database,
) -> None:
    for little, place in ((False, 0), (True, 2), (True, 2), (False, 0)):
        with database.writing(little=little) as connection:
            found = connection.execute("PRAGMA temp_store").fetchone()
            assert found == (place,)


def test_what_is_being_made_is_not_opened_to_be_read(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    created, begun, go_on = schema.create, threading.Event(), threading.Event()

    def create(connection: sqlite3.Connection, patience: float, log: bool) -> bool:
        # As it is found while its tables are being made.
        connection.execute("PRAGMA page_size = 8192")
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        begun.set()
        assert go_on.wait(60)
        return created(connection, patience, log)

    opened = []
    connect = opening.connect

    def counted(path: Path, options: str, alone: bool = False) -> opening.Connection:
        opened.append(options)
        return connect(path, options, alone)

    def make() -> None:
        with database.writing():
            pass

    monkeypatch.setattr(schema, "create", create)
    monkeypatch.setattr(opening, "connect", counted)
    maker = threading.Thread(target=make)
    maker.start()
    assert begun.wait(60)
    assert database.path.stat().st_size
    with database.reading() as connection:
        assert connection is None
    assert opened == ["rwc"]
    go_on.set()
    maker.join()
    with database.reading() as connection:
        assert connection is not None


def test_reading_makes_nothing(database: Database) -> None:
    with database.reading() as connection:
        assert connection is None
    assert not database.folder.exists()


def test_a_newer_minor_version_is_read_and_written(database: Database) -> None:
    with database.writing() as connection:
        connection.execute("CREATE TABLE added_later (x)")
        connection.execute("PRAGMA user_version = 1007")
    database.close()
    store = SqliteStore(str(database.folder))
    assert store.put("n/P_1.pickle", b"x")
    assert store.get("n/P_1.pickle") == b"x"
    assert pragma(database, "user_version") == 1007


def test_a_database_that_is_being_made_is_not_taken_for_a_strangers(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.folder.mkdir()
    maker = connect(database.path, "rwc")
    maker.execute("PRAGMA journal_mode = WAL")
    look = schema.objects

    def look_after_it_was_made(connection: sqlite3.Connection) -> dict[str, str]:
        monkeypatch.setattr(schema, "objects", look)
        schema.create(maker, 1, log=True)
        return look(connection)

    monkeypatch.setattr(schema, "objects", look_after_it_was_made)
    # Between two looks at the file its tables came to be: still nothing, this time.
    with database.reading() as connection:
        assert connection is None
    with database.reading() as connection:
        assert connection is not None
    maker.close()


def test_a_failed_transaction_leaves_nothing(database: Database) -> None:
    with database.writing():
        pass
    with pytest.raises(ZeroDivisionError), database.writing() as connection:
        connection.execute("INSERT INTO apps (path, last_seen_at) VALUES ('a', 0)")
        raise ZeroDivisionError
    with database.reading() as reader:
        assert reader is not None
        assert reader.execute("SELECT count(*) FROM apps").fetchone() == (0,)


def test_the_log_is_folded_under_the_write_lock_only(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.writing() as connection:
        connection.executemany(
            "INSERT INTO apps (path, last_seen_at) VALUES (?, 0)",
            [(f"{n}.py",) for n in range(2000)],
        )
    assert database.log_size() > 0
    # While another process writes, the log is left to it.
    monkeypatch.setattr("marimo_cellar.database.checkpoints._PATIENCE", 0.02)
    other = sqlite3.connect(database.path, isolation_level=None)
    other.execute("PRAGMA wal_autocheckpoint = 0")
    other.execute("BEGIN IMMEDIATE")
    before = database.path.stat()
    database.fold_log()
    assert database.path.stat().st_mtime_ns == before.st_mtime_ns
    other.execute("ROLLBACK")
    database.fold_log()
    busy, pages, folded = other.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    assert (busy, pages) == (0, folded)
    other.close()


def test_a_reader_does_not_stop_the_log_from_being_folded_later(
    database: Database,
) -> None:
    with database.writing() as connection:
        connection.execute("INSERT INTO apps (path, last_seen_at) VALUES ('a', 0)")
    reader = sqlite3.connect(database.path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM apps").fetchall()
    with database.writing() as connection:
        connection.execute("INSERT INTO apps (path, last_seen_at) VALUES ('b', 0)")
    database.fold_log()
    reader.execute("COMMIT")
    database.fold_log()
    _, pages, folded = reader.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    assert pages == folded
    reader.close()


def test_others_write_while_the_log_is_folded(database: Database) -> None:
    def write(path: str) -> None:
        other.execute("INSERT INTO apps (path, last_seen_at) VALUES (?, 0)", (path,))

    with database.writing():
        pass
    other = sqlite3.connect(database.path, isolation_level=None)
    other.execute("PRAGMA wal_autocheckpoint = 0")
    write("before")

    class Worker:
        """Somebody writes right before and after each of its checkpoints."""

        def execute(self, sql: str) -> sqlite3.Cursor:
            assert connection is not None
            self.folds += 1
            write(f"before {self.folds}")
            cursor = connection.execute(sql)
            if self.folds == 1:
                write("after")
            return cursor

        folds = 0

    worker = Worker()
    with (
        database.connections.taken() as holder,
        database.connections.taken() as reader,
        database.connections.taken() as connection,
    ):
        assert holder is not None and reader is not None and connection is not None
        path = database.path
        # What came meanwhile is in the log behind the rest, which was not begun anew:
        # each round folds what was there when it began, and one that adds less than
        # it folds goes on.
        checkpoints.fold_beside(holder, reader, cast(Any, worker), path)
        assert worker.folds > 1
        assert checkpoints.fold_beside(holder, reader, connection, path)
        # There is nothing to do, and nobody's turn is needed to see it.
        assert not (holder.in_transaction or reader.in_transaction)
        assert other.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[0] == 0
    assert other.execute("SELECT count(*) FROM apps").fetchone() == (worker.folds + 2,)
    assert other.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    other.close()


def test_a_reader_of_an_old_state_ends_a_fold_beside_it(database: Database) -> None:
    with database.writing() as connection:
        connection.execute("INSERT INTO apps (path, last_seen_at) VALUES ('a', 0)")
    reader = sqlite3.connect(database.path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM apps").fetchall()
    with database.writing() as connection:
        connection.execute("INSERT INTO apps (path, last_seen_at) VALUES ('b', 0)")
    assert not database.fold_beside()
    assert reader.execute("SELECT path FROM apps").fetchall() == [("a",)]
    reader.execute("COMMIT")
    assert database.fold_beside()
    reader.close()


def test_a_replaced_file_is_noticed(database: Database, tmp_path: Path) -> None:
    store = SqliteStore(str(database.folder))
    store.put("n/P_1.pickle", b"x")
    for file in database.folder.glob("cache.db*"):
        file.unlink()
    assert store.get("n/P_1.pickle") is None
    assert store.put("n/P_2.pickle", b"y")
    assert store.get("n/P_2.pickle") == b"y" and store.get("n/P_1.pickle") is None


def test_a_refused_file_is_not_opened_again_until_it_is_another(
    database: Database,
) -> None:
    database.folder.mkdir()
    database.path.write_bytes(b"no database" * 100)
    for _ in range(2):
        with pytest.raises(Unavailable), database.writing():
            pass
    database.path.unlink()
    with database.writing():
        pass


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_child_of_a_fork_opens_connections_of_its_own(database: Database) -> None:
    store = SqliteStore(str(database.folder))
    store.put("n/P_parent.pickle", b"parent")
    parents = {id(connection) for connection in database.connections.idle}
    assert parents
    child = os.fork()
    if child == 0:
        right = (
            not database.connections.idle
            and store.get("n/P_parent.pickle") == b"parent"
            and store.put("n/P_child.pickle", b"child")
            and not parents
            & {id(connection) for connection in database.connections.idle}
        )
        os._exit(0 if right else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert {id(connection) for connection in database.connections.idle} == parents
    assert store.get("n/P_child.pickle") == b"child"
    audit(store)


WORK = """
    import os, sys
    from marimo_cellar import SqliteStore
    folder, worker = sys.argv[1], int(sys.argv[2])
    store = SqliteStore(folder)
    sys.stdin.readline()
    for step in range(40):
        key = f"n/P_{(worker * 11 + step) % 30}.pickle"
        if step % 5 == 4:
            store.clear(key)
            continue
        data = bytes([worker]) * (200_000 if step % 4 == 0 else 500)
        assert store.put(key, data), key
        got = store.get(key)
        assert got is None or len(set(got)) == 1
"""


def test_processes_share_a_database_from_its_first_moment(
    database: Database,
) -> None:
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", dedent(WORK), str(database.folder), str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=PACKAGE,
        )
        for number in range(4)
    ]
    try:
        # All begin at once, on a folder that has no database yet.
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write("go\n")
            worker.stdin.flush()
        for worker in workers:
            printed, _ = worker.communicate(timeout=120)
            assert (worker.returncode, printed) == (0, "")
    finally:
        for worker in workers:
            if worker.poll() is None:
                worker.kill()
                worker.wait()
    audit(SqliteStore(str(database.folder)))


def test_one_database_for_all_who_name_its_folder(tmp_path: Path) -> None:
    found: list[Database] = []
    threads = [
        threading.Thread(target=lambda: found.append(database_in(tmp_path / "c")))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, found))) == 1


@pytest.mark.skipif(os.name == "nt", reason="needs a network share there")
def test_a_path_of_two_slashes_names_no_host(tmp_path: Path) -> None:
    database = Database(Path(f"/{tmp_path}") / "cache #1?")
    assert str(database.path).startswith("//")
    with database.writing() as connection:
        connection.execute("INSERT INTO apps (path, last_seen_at) VALUES ('nb.py', 0)")
    assert (tmp_path / "cache #1?" / "cache.db").exists()
    database.close()


@pytest.mark.parametrize("step", ["_at", "is_ours", "_is_writable", "_migrate"])
@pytest.mark.parametrize("after", [False, True])
def test_a_database_deleted_while_it_is_opened_is_opened_anew(
    step: str,
    after: bool,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    real = getattr(opening, step)
    deleted: list[str] = []

    def deleting(*arguments: object) -> object:
        result = real(*arguments) if after else None
        if not deleted:
            deleted.extend(path.name for path in database.folder.glob("cache.db*"))
            for name in deleted:
                (database.folder / name).unlink()
        return result if after else real(*arguments)

    monkeypatch.setattr(opening, step, deleting)
    with database.writing() as connection:
        connection.execute("UPDATE cells SET name = ''")
    assert "cache.db" in deleted and not database.read_only
    assert database.path.stat().st_size and caplog.text == ""
