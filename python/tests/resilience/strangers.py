"""Databases as a stranger, or a failing disk, may have made them."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from marimo_cellar import SqliteLoader, SqliteStore
from marimo_cellar._marimo import Cache, HashKey, LazyStore
from marimo_cellar.checking import checking
from marimo_cellar.database.database import Unavailable, database_in
from marimo_cellar.entries import entries
from marimo_cellar.entries.entries import EntryKey, Owner
from marimo_cellar.entries.roll import Roll
from marimo_cellar.notebook.notebook import FileCell, KernelCell, compose
from tests.resilience.damaging import NUMBERS, TEXTS
from tests.resilience.decoders import HASH, Case

_KEY = HashKey(hash=HASH, cache_type="Pure")


class Filled:
    """A cache with one entry of each loader, that can be put back as it was."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "cache"
        self.store = SqliteStore(str(self.folder))
        self.good = {"x": [1, 2], "text": "words" * 20_000}
        cell = KernelCell("Hbol", "x = 1", frozenset("x"), frozenset())
        notebook = compose([cell], [FileCell("one", "x = 1")])
        self.owner = Owner(Roll(folder / "nb.py"), notebook, "Hbol")
        one = self.loader()
        one.save_cache(
            Cache(self.good, HASH, "Pure", set(), False, {"version": 6, "runtime": 1.0})
        )
        one.flush()
        assert self.store.put("n/P_1.pickle", b"one")
        assert self.loader().load_cache(_KEY).defs == self.good
        self.store.database.fold_log()
        self.store.database.close()
        self.bytes = self.store.database.path.read_bytes()
        self.blobs = {
            path: path.read_bytes()
            for path in self.store.database.blobs.rglob("*")
            if path.is_file()
        }

    def loader(self) -> Any:
        return SqliteLoader("cell_cache", store=LazyStore(self.store))

    def put_back(self, data: bytes | None = None) -> None:
        """The database as it was, or these bytes in its place."""
        self.store.database.close()
        for path in self.folder.glob("cache.db*"):
            path.unlink()
        for path in self.store.database.blobs.rglob("*"):
            if path.is_file() and path not in self.blobs:
                path.unlink()
        for path, content in self.blobs.items():
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        database_in(self.folder).connections.__init__(  # type: ignore[misc]
            self.store.database.path
        )
        self.store.database.path.write_bytes(self.bytes if data is None else data)

    @contextmanager
    def changed(self) -> Iterator[sqlite3.Connection]:
        """Changes the rows whatever they may hold."""
        self.put_back()
        with closing(sqlite3.connect(self.store.database.path)) as connection:
            connection.execute("PRAGMA ignore_check_constraints = ON")
            yield connection
            connection.commit()

    def judge(self) -> None:
        """Whatever is there, it is right or a miss."""
        cache = self.loader().load_cache(_KEY)
        assert cache is None or cache.defs == self.good
        assert self.store.get("n/P_1.pickle") in (b"one", None)
        for name in (f"cell_cache/P_{HASH}.jsonl", "n/P_1.pickle"):
            self.store.hit(name)
        with suppress(Unavailable, sqlite3.Error):
            entries.candidates(
                self.store.database,
                EntryKey("cell_cache", "P", HASH, "lazy"),
                self.owner,
            )
        with suppress(Unavailable, sqlite3.Error):
            checking.audit(self.store.database)


def row(folder: Path) -> Case:
    filled = Filled(folder)
    filled.put_back()
    with closing(sqlite3.connect(filled.store.database.path)) as connection:
        columns = [
            (table, name)
            for (table,) in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table'"
            )
            for _, name, *_ in connection.execute(f"PRAGMA table_info({table})")
        ]

    def case(chance: random.Random) -> None:
        with filled.changed() as connection:
            for _ in range(chance.randint(1, 3)):
                table, name = chance.choice(columns)
                value = chance.choice(
                    (None, chance.randbytes(chance.choice((0, 1, 32))), *NUMBERS,
                     *(text for text in TEXTS if text != "\ud800"))
                )  # fmt: skip
                with suppress(sqlite3.Error):
                    connection.execute(
                        f"UPDATE {table} SET {name} = ? WHERE abs(random()) % 2",
                        (value,),
                    )
        filled.judge()

    return case


def schema(folder: Path) -> Case:
    filled = Filled(folder)
    changes = (
        "PRAGMA application_id = {number}",
        "PRAGMA user_version = {number}",
        "CREATE TABLE {name} (x)",
        "CREATE VIEW {name} AS SELECT * FROM entries",
        "CREATE TRIGGER {name} AFTER INSERT ON entries BEGIN DELETE FROM blobs; END",
        "DROP TABLE lookups",
        "DROP INDEX items_by_key",
        "DROP TRIGGER items_count",
        "ALTER TABLE entries ADD COLUMN {name}",
        "ALTER TABLE blobs RENAME TO {name}",
        "UPDATE sqlite_master SET sql = replace(sql, 'TEXT', '{name}')",
        "DELETE FROM sqlite_master WHERE name LIKE '%{name}%'",
    )

    def case(chance: random.Random) -> None:
        filled.put_back()
        with closing(sqlite3.connect(filled.store.database.path)) as connection:
            connection.execute("PRAGMA writable_schema = ON")
            for change in chance.sample(changes, chance.randint(1, 3)):
                with suppress(sqlite3.Error):
                    connection.execute(
                        change.format(
                            number=chance.choice(
                                (0, 1, 999, 1001, 2000, -1, 2**31 - 1)
                            ),
                            name=chance.choice(("later", "blobs", "i", "t")),
                        )
                    )
            connection.commit()
        filled.judge()
        filled.store.put("n/P_2.pickle", b"two")

    return case


def pages(folder: Path) -> Case:
    filled = Filled(folder)

    def case(chance: random.Random) -> None:
        data = bytearray(filled.bytes)
        for _ in range(chance.choice((1, 3, 20))):
            # Where a page begins, and the first page most of all, it hurts most.
            page = chance.choice((0, chance.randrange(len(data) // 8192) * 8192))
            at = page + chance.randrange(chance.choice((100, 400, 8192)))
            data[at] = chance.choice((0, 255, chance.randrange(256)))
        if chance.random() < 0.2:
            del data[chance.randrange(len(data)) :]
        filled.put_back(bytes(data))
        filled.judge()
        filled.store.put("n/P_2.pickle", b"two")

    return case
