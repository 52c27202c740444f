"""A damaged database goes with what was committed to its log, and leaves nothing else."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from marimo_cellar import SqliteStore
from marimo_cellar.checking import sweeping
from marimo_cellar.database import damage

COUNT = 5


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    """Some results that are in the log alone."""
    store = SqliteStore(str(tmp_path / "notebooks" / "__marimo__" / "cache"))
    for number in range(COUNT):
        assert store.put(f"block/P_{number}.pickle", b"%d" % number)
    return store


def test_what_is_committed_in_the_log_is_salvaged_and_goes_along(
    store: SqliteStore, tmp_path: Path, heard: pytest.LogCaptureFixture
) -> None:
    # As a kernel leaves it that is killed: the log is not folded.
    kept = tmp_path / "kept" / "__marimo__" / "cache"
    shutil.copytree(store.database.folder, kept)
    path, log = kept / "cache.db", (kept / "cache.db-wal").read_bytes()
    assert log
    fault = sqlite3.DatabaseError("malformed")
    assert damage.begin_anew(path, fault, certain=True) == "replaced"
    (aside,) = damage.set_aside(path)
    # SQLite makes the index of the log anew, and the new database has none of the old.
    assert sorted(one.name for one in kept.glob("cache.db*")) == [
        "cache.db",
        aside.name,
        f"{aside.name}-wal",
    ]
    assert damage.logs_of(aside) == [Path(f"{aside}-wal")]
    assert Path(f"{aside}-wal").read_bytes() == log
    (said,) = (record.getMessage() for record in heard.records)
    assert f"{aside} and {aside}-wal" in said and "old files" in said
    for one in (aside, path):
        with closing(sqlite3.connect(one)) as connection:
            (count,) = connection.execute("SELECT count(*) FROM items").fetchone()
            assert count == COUNT


def test_a_log_with_nothing_in_it_does_not_stay(
    store: SqliteStore, heard: pytest.LogCaptureFixture
) -> None:
    path = store.database.path
    store.database.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    path.write_bytes(b"This is no database at all. " * 1000)
    Path(f"{path}-wal").touch()
    Path(f"{path}-shm").touch()
    assert store.get("block/P_1.pickle") is None
    (aside,) = damage.set_aside(path)
    assert list(path.parent.glob("cache.db.damaged-*")) == [aside]
    (said,) = (record.getMessage() for record in heard.records)
    assert f"set aside as {aside}, and" in said


def test_a_log_whose_database_was_deleted_is_swept(store: SqliteStore) -> None:
    path = store.database.path
    asides = [path.with_name(f"{path.name}.damaged-{day}") for day in (1, 2)]
    logs = [Path(f"{aside}-wal") for aside in asides]
    for file in (*logs, asides[0]):
        file.write_bytes(b"x")
    assert sweeping.sweep(store.database) == 1
    assert logs[0].exists() and asides[0].exists() and not logs[1].exists()
    assert Path(f"{path}-wal").exists()
    assert sweeping.sweep(store.database) == 0
    assert not path.with_name(f"{path.name}.lock").exists()
