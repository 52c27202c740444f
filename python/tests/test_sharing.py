"""One database for many: locks, logs, other files in its place, and none to write."""

from __future__ import annotations

import logging
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent

import pytest

from marimo_cellar import SqliteStore, notices
from marimo_cellar.database import checkpoints, database, turns
from marimo_cellar.entries import blobs
from tests.kernels import PACKAGE
from tests.resilience.disk import CannotFail, failing
from tests.test_faults import bound_by_permissions
from tests.test_store import audit, rows


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    return SqliteStore(str(tmp_path / "cache"))


@pytest.fixture(autouse=True)
def heard(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> pytest.LogCaptureFixture:
    """What the user hears."""
    monkeypatch.setattr(notices, "_said", set())
    caplog.set_level(logging.WARNING, "marimo.cellar")
    return caplog


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


def run(code: str, *arguments: object, **popen: object) -> str:
    """What a Python of its own prints; it is given the arguments in `sys.argv`."""
    done = subprocess.run(
        [sys.executable, "-c", dedent(code), *map(str, arguments)],
        cwd=PACKAGE,
        capture_output=True,
        text=True,
        timeout=120,
        **popen,  # type: ignore[call-overload]
    )
    assert done.returncode == 0, done.stderr
    return str(done.stdout)


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
    run(
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


# File systems without shared memory

SAVE = """
    import os, sys
    from marimo_cellar import SqliteStore
    store = SqliteStore(sys.argv[1])
    before = store.get("n/P_1.pickle")
    for number in range(5):
        assert store.put(f"n/P_{number}.pickle", b"x" * (number * 30_000 + 1))
    assert store.get("n/P_2.pickle") == b"x" * 60_001
    with store.database.reading() as connection:
        print(before, *connection.execute("PRAGMA journal_mode").fetchone())
"""


def without_shared_memory(folder: Path) -> dict[str, str]:
    try:
        return failing(folder, shm=1)
    except CannotFail as reason:
        pytest.skip(str(reason))


def test_a_file_system_that_refuses_the_log_gets_a_journal_and_says_so_once(
    store: SqliteStore, tmp_path: Path
) -> None:
    env = without_shared_memory(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", dedent(SAVE), str(store.save_path)],
        cwd=PACKAGE,
        env=env,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "None delete\n"
    assert done.stderr.count("shares no memory") == 1
    # It was found out once.
    assert run(SAVE, store.save_path, env=env) == "b'x' delete\n".replace(
        "b'x'", str(b"x" * 30_001)
    )
    audit(store)


def test_a_database_with_a_log_is_used_without_where_that_is_refused(
    store: SqliteStore, tmp_path: Path
) -> None:
    env = without_shared_memory(tmp_path)
    store.put("n/P_1.pickle", b"one")
    # As a kernel leaves it that was killed: the result is in the log alone.
    run(
        """
        import os, sys
        from marimo_cellar import SqliteStore
        assert SqliteStore(sys.argv[1]).put("n/P_1.pickle", b"later")
        os._exit(0)
        """,
        store.save_path,
    )
    store.database.close()
    assert run(SAVE, store.save_path, env=env) == "b'later' delete\n"
    audit(store)


def test_a_log_that_others_have_in_memory_is_left_to_them(
    store: SqliteStore, tmp_path: Path
) -> None:
    env = without_shared_memory(tmp_path)
    store.put("n/P_1.pickle", b"one")
    printed = run(
        """
        import sys
        from marimo_cellar import SqliteStore
        store = SqliteStore(sys.argv[1])
        print(store.get("n/P_1.pickle"), store.put("n/P_2.pickle", b"two"))
        """,
        store.save_path,
        env=env,
    )
    assert printed == "None False\n"
    assert store.get("n/P_1.pickle") == b"one"
    audit(store)


def test_a_stranger_s_database_keeps_its_log(tmp_path: Path) -> None:
    env = without_shared_memory(tmp_path)
    path = tmp_path / "cache" / "cache.db"
    path.parent.mkdir()
    stranger = sqlite3.connect(path)
    stranger.execute("PRAGMA journal_mode = WAL")
    stranger.execute("CREATE TABLE theirs (x)")
    stranger.close()
    run(
        """
        import sys
        from marimo_cellar import SqliteStore
        assert not SqliteStore(sys.argv[1]).put("n/P_1.pickle", b"one")
        """,
        path.parent,
        env=env,
    )
    assert sqlite3.connect(path).execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_processes_share_a_database_without_a_log(store: SqliteStore) -> None:
    with store.database.writing():
        pass
    store.database.close()
    connection = sqlite3.connect(store.database.path)
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()
    with Other(store) as one, Other(store) as two:
        for number in range(20):
            assert one.ask("put", f"one/P_{number}.pickle") == "True"
            assert two.ask("put", f"two/P_{number}.pickle") == "True"
            assert store.put(f"three/P_{number}.pickle", b"three")
            assert two.ask("get", f"one/P_{number}.pickle") != "None"
    assert store.database.fold_log()
    audit(store)


# Nothing to be written


@pytest.mark.skipif(sys.platform != "linux", reason="permissions of a superuser")
@pytest.mark.parametrize("what", ["the file", "the folder"])
def test_what_can_only_be_read_is_read_and_nothing_is_left_beside_it(
    what: str, store: SqliteStore
) -> None:
    store.put("n/P_1.pickle", b"one")
    store.database.close()
    spoilt = store.database.path if what == "the file" else store.database.folder
    spoilt.chmod(0o444 if what == "the file" else 0o555)
    try:
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                dedent(
                    """
                    import sys
                    from marimo_cellar import SqliteStore
                    store = SqliteStore(sys.argv[1])
                    for _ in range(2):
                        assert not store.put("n/P_2.pickle", bytes(100_000))
                        print(store.get("n/P_1.pickle"), store.clear("n/P_1.pickle"))
                    """
                ),
                str(store.save_path),
            ],
            cwd=PACKAGE,
            capture_output=True,
            text=True,
            preexec_fn=bound_by_permissions,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout == "b'one' False\n" * 2
        assert done.stderr.count("nothing can be written") == 1
    finally:
        spoilt.chmod(0o755)
    assert not list(store.database.blobs.rglob("*"))
    audit(store)
