"""Caches of many results that differ in nothing but their age."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from marimo_cellar.cleaning import pruning
from marimo_cellar.database.database import Database, database_in
from marimo_cellar.session.store import SqliteStore


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return database_in(tmp_path / "__marimo__" / "cache")


def fill(database: Database, count: int, size: int = 100_000) -> None:
    """Entries of equal worth but for their age, the first one the oldest."""
    store = SqliteStore(str(database.folder))
    for number in range(count):
        data = number.to_bytes(4, "big") * (size // 4)
        assert store.put(f"block/P_{number}.pickle", data)
    with database.writing() as connection:
        connection.execute(
            "UPDATE entries SET runtime = 0.01, created_at = created_at - 100 * ?"
            " + 100 * entry_id",
            (count + 1000,),
        )
        connection.execute("UPDATE totals SET runtime = 0.01 * ?", (count,))
        connection.execute("UPDATE apps SET last_seen_at = 0")


def left(database: Database) -> list[str]:
    with database.reading() as connection:
        assert connection is not None
        rows = connection.execute("SELECT hash FROM entries ORDER BY entry_id")
        return [row[0] for row in rows]


def prune(database: Database, budget: int | None, **options: Any) -> pruning.Outcome:
    options.setdefault("now", time.time())
    return pruning.prune(database, None, budget, "command", **options)
