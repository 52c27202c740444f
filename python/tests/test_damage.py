"""A database that SQLite cannot read: set aside, salvaged, begun anew, said once."""

from __future__ import annotations

import logging
import os
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from marimo_cellar import SqliteStore, damage, notices, repairing, schema
from marimo_cellar.blobs import INLINE_BYTES
from marimo_cellar.checking import audit
from marimo_cellar.database import Database

PAGE = 8192
COUNT = 60


def key(number: int) -> str:
    return f"block/P_{number:03}.pickle"


def value(number: int) -> bytes:
    # Some share a page, some have pages of their own, some a file.
    size = {0: INLINE_BYTES + number + 1, 1: 20_000}.get(number % 10, 300)
    return random.Random(number).randbytes(size)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SqliteStore:
    """A cache of sixty results, folded into its file, and nothing said yet."""
    store = SqliteStore(str(tmp_path / "notebooks" / "__marimo__" / "cache"))
    for number in range(COUNT):
        assert store.put(key(number), value(number))
    fold(store.database)
    monkeypatch.setattr(notices, "_said", set())
    return store


def fold(database: Database) -> None:
    database.close()
    with closing(sqlite3.connect(database.path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert not Path(f"{database.path}-wal").exists()


def served(store: SqliteStore) -> int:
    """How many are still served; none wrong."""
    hits = 0
    for number in range(COUNT):
        data = store.get(key(number))
        assert data in (None, value(number))
        hits += data is not None
    return hits


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        record.getMessage()
        for record in caplog.records
        if record.name == notices.logger.name and record.levelno >= logging.WARNING
    ]


def overwrite(path: Path, offset: int, data: bytes) -> None:
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(data)


def pages_of(path: Path) -> dict[str, int]:
    """The first page of each table's and index's tree."""
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute(
            "SELECT name, rootpage FROM sqlite_master WHERE rootpage > 0"
        ).fetchall()
    return dict(found)


def is_usable(store: SqliteStore) -> None:
    assert store.put("block/P_new.pickle", b"new" * 50_000)
    assert store.get("block/P_new.pickle") == b"new" * 50_000
    found = audit(store.database, grace=0)
    # Files whose rows were lost are for the next clean-up.
    assert [one for one in found if one.kind != "unknown-file"] == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda file: overwrite(file, 0, b"This is no database at all, you see. " * 3),
        lambda file: os.truncate(file, file.stat().st_size // 2),
        lambda file: os.truncate(file, PAGE + 100),
        lambda file: file.write_bytes(random.Random(1).randbytes(50_000)),
    ],
    ids=["header", "half", "one page", "noise"],
)
def test_a_file_that_is_no_database_is_set_aside_and_said_once(
    spoil: Callable[[Path], None],
    store: SqliteStore,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = store.database.path
    spoil(path)
    spoilt = path.read_bytes()
    served(store)
    (aside,) = damage.set_aside(path)
    assert aside.read_bytes() == spoilt
    (said,) = warnings(caplog)
    assert str(path) in said and str(aside) in said
    is_usable(store)
    assert warnings(caplog) == [said]


@pytest.fixture
def trees(store: SqliteStore) -> dict[str, int]:
    return pages_of(store.database.path)


@pytest.mark.parametrize("name", sorted(schema.expected_objects()))
def test_what_is_whole_is_salvaged_whichever_tree_is_damaged(
    name: str,
    store: SqliteStore,
    trees: dict[str, int],
    caplog: pytest.LogCaptureFixture,
) -> None:
    if name not in trees:
        pytest.skip("a trigger has no pages")
    path = store.database.path
    overwrite(path, (trees[name] - 1) * PAGE, random.Random(name).randbytes(PAGE))
    served(store)
    store.put("block/P_one more.pickle", b"x")
    # What no lookup needs is found by a check alone.
    if any(one.kind == "unreadable" for one in audit(store.database)):
        repairing.repair(store.database, audit(store.database))
    hits = served(store)
    if name not in ("entries", "items", "blobs"):
        # Where the owner was lost, the entry serves the folder.
        assert hits == COUNT
    else:
        # The top of the tree is damaged, and with it all that hangs on it.
        assert hits < COUNT
    assert len(damage.set_aside(path)) == len(warnings(caplog)) <= 1
    is_usable(store)
