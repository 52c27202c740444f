"""A database that SQLite cannot read: set aside, salvaged, begun anew, said once."""

from __future__ import annotations

import logging
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from marimo_cellar import SqliteLoader, SqliteStore, notices
from marimo_cellar._marimo import Cache, HashKey, LazyStore
from marimo_cellar.checking import repairing
from marimo_cellar.checking.checking import audit
from marimo_cellar.database import damage, schema
from marimo_cellar.database.database import Database
from marimo_cellar.entries import behind
from marimo_cellar.entries.blobs import INLINE_BYTES
from marimo_cellar.loaders.loader import SqliteJsonLoader, SqlitePickleLoader
from marimo_cellar.lookups import lookups
from tests.kernels import PACKAGE
from tests.make_fixtures import FIXTURES
from tests.resilience.strangers import Filled

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
    # What a thread folds, it folds by connections of its own.
    behind.queue_of(database).join()
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
    # What no lookup needs is found by a check alone, of which newer SQLites tell
    # what older ones fail at.
    if {one.kind for one in audit(store.database)} & {"unreadable", "integrity"}:
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


def test_a_damaged_log_costs_what_stood_in_it(
    store: SqliteStore, tmp_path: Path
) -> None:
    for number in range(COUNT, COUNT + 20):
        store.put(f"block/P_{number}.pickle", value(number))
    # As a kernel leaves it that is killed: the log is not folded.
    kept = tmp_path / "kept" / "__marimo__" / "cache"
    shutil.copytree(store.database.folder, kept)
    log = kept / "cache.db-wal"
    size = log.stat().st_size
    assert size > 100_000
    for offset in (10, 32, size // 3, size // 2):
        again = tmp_path / str(offset) / "__marimo__" / "cache"
        shutil.copytree(kept, again)
        overwrite(again / "cache.db-wal", offset, b"\xff" * 100)
        other = SqliteStore(str(again))
        # What is in the database itself stays, or is found to be damaged with it.
        assert served(other) == COUNT or damage.set_aside(other.database.path)
        is_usable(other)


def test_what_may_be_another_programs_is_left_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "chosen").mkdir()
    path = tmp_path / "chosen" / "cache.db"
    path.write_bytes(random.Random(2).randbytes(50_000))
    store = SqliteStore(str(path.parent))
    assert not store.put(key(1), b"x") and store.get(key(1)) is None
    assert os.listdir(path.parent) == ["cache.db"]
    (said,) = warnings(caplog)
    assert "left as it is" in said and "another program" in said


def test_a_damaged_file_of_a_newer_version_is_left_alone(store: SqliteStore) -> None:
    path = store.database.path
    overwrite(path, 60, (9000).to_bytes(4, "big"))
    overwrite(path, (pages_of(path)["items"] - 1) * PAGE, b"\xff" * PAGE)
    before = path.read_bytes()
    assert served(store) == 0 and not store.put(key(1), b"x")
    assert path.read_bytes() == before
    assert damage.set_aside(path) == []


def test_a_table_changed_by_hand_is_salvaged(store: SqliteStore) -> None:
    path = store.database.path
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_master SET sql = replace(sql, 'hash ', 'hush ')"
            " WHERE name = 'entries'"
        )
    assert served(store) == COUNT
    assert len(damage.set_aside(path)) == 1


def test_a_name_in_the_schema_that_is_damaged_is_no_strangers(
    store: SqliteStore, caplog: pytest.LogCaptureFixture
) -> None:
    path = store.database.path
    data = path.read_bytes().replace(b"triggerentries_count", b"triggerentrixs_count")
    path.write_bytes(data)
    assert served(store) == COUNT
    assert len(damage.set_aside(path)) == 1
    (said,) = warnings(caplog)
    assert "entrixs_count" in said
    is_usable(store)


def test_a_fault_that_is_not_in_the_file_moves_nothing(store: SqliteStore) -> None:
    fault = sqlite3.DatabaseError("database disk image is malformed")
    assert damage.begin_anew(store.database.path, fault) == "sound"
    assert served(store) == COUNT
    assert damage.set_aside(store.database.path) == []


def test_ids_stay_so_that_running_kernels_go_on_with_them(store: SqliteStore) -> None:
    path = store.database.path
    ids = "SELECT entry_id, cell_id, hash FROM entries ORDER BY 1"
    with closing(sqlite3.connect(path)) as connection:
        before = connection.execute(ids).fetchall()
    overwrite(path, (pages_of(path)["entries_by_hash"] - 1) * PAGE, b"\xff" * PAGE)
    assert not store.put(key(1), b"x") or damage.set_aside(path)
    with store.database.reading() as connection:
        assert connection is not None
        after = connection.execute(ids).fetchall()
    assert set(before) <= set(after)


def test_of_many_processes_one_sets_it_aside(store: SqliteStore) -> None:
    path = store.database.path
    overwrite(path, (pages_of(path)["items_by_key"] - 1) * PAGE, b"\xff" * PAGE)
    program = dedent(
        f"""
        import sys
        from tests.test_damage import COUNT, key, value
        from marimo_cellar import SqliteStore
        store = SqliteStore({str(path.parent)!r})
        for round in range(2):
            found = [store.get(key(number)) for number in range(COUNT)]
            assert all(f in (None, value(n)) for n, f in enumerate(found))
        sys.exit(found.count(None))
        """
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", program],
            cwd=PACKAGE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    said = [process.communicate(timeout=120)[1] for process in started]
    assert [process.returncode for process in started] == [0] * 4, said
    assert len(damage.set_aside(path)) == 1
    assert sum("set aside as" in one for one in said) == 1
    is_usable(store)
    assert not path.with_name("cache.db.lock").exists()
    assert not path.with_name("cache.db.new").exists()


# Wrong bytes anywhere

KINDS = (SqliteLoader, SqlitePickleLoader, SqliteJsonLoader)
SEED = int(os.environ.get("CELLAR_SEED", "0")) or random.randrange(1, 2**31)
CASES = int(os.environ.get("CELLAR_CASES", "8"))


def defs(number: int) -> dict[str, object]:
    return {"text": f"value {number} " * (1 + number % 7 * 3000), "number": number}


def hash_key(number: int) -> HashKey:
    return HashKey(hash=f"hash{number:03}", cache_type="Pure")


def loader(store: SqliteStore, number: int) -> Any:
    kind = KINDS[number % 3]
    given = LazyStore(store) if kind is SqliteLoader else store
    return kind(f"block{number % 5}", store=given)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that kernels wrote, and results of all loaders, in rows and files."""
    folder = tmp_path_factory.mktemp("real") / "__marimo__" / "cache"
    shutil.copytree(FIXTURES / "python" / "cache", folder)
    store = SqliteStore(str(folder))
    for number in range(COUNT):
        one = loader(store, number)
        key = hash_key(number)
        assert one.save_cache(
            Cache(
                defs=defs(number),
                hash=key.hash,
                cache_type=key.cache_type,
                stateful_refs=set(),
                hit=False,
                meta={"version": 6, "runtime": 1.5},
            )
        )
        one.flush()
    fold(store.database)
    return folder


def test_what_holds_entries_is_salvaged_and_all_is_counted(store: SqliteStore) -> None:
    path = store.database.path
    with store.database.writing() as connection:
        connection.execute("INSERT INTO costs SELECT entry_id, 0.5, 60 FROM entries")
        connection.execute("INSERT INTO openings SELECT app_id, 'a:1', 9e9 FROM apps")
        connection.execute("UPDATE costs SET amount = 'text' WHERE entry_id = 1")
        connection.execute("INSERT INTO inputs SELECT entry_id, '{}' FROM entries")
        connection.execute("INSERT INTO calls SELECT entry_id, '{}' FROM entries")
        connection.execute(
            "INSERT INTO reads SELECT entry_id, 'data.csv', 'opened', 1, 2, NULL"
            " FROM entries"
        )
        connection.execute("INSERT INTO reasons SELECT lookup_id, '[]' FROM lookups")
    fold(store.database)
    tables = ("costs", "openings", "usage", "inputs", "calls", "reads", "reasons")
    before = [rows_of(path, table) for table in tables]
    overwrite(path, (pages_of(path)["items_by_key"] - 1) * PAGE, b"\xff" * PAGE)
    served(store)
    assert served(store) == COUNT
    assert len(damage.set_aside(path)) == 1
    costs, *rest = (rows_of(path, table) for table in tables)
    assert (costs, rest) == (before[0][1:], before[1:])


def rows_of(path: Path, table: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()


def test_files_go_whose_rows_all_were_lost(store: SqliteStore) -> None:
    database = store.database
    assert list(database.blobs.glob("*/*"))
    database.path.write_bytes(random.Random(1).randbytes(50_000))
    assert served(store) == 0
    repairing.repair(database, audit(database, grace=-3600))
    assert audit(database, grace=-3600) == []
    assert not list(database.blobs.glob("*/*"))


@pytest.mark.parametrize("flips", [1, 1, 5, 40])
def test_bytes_changed_anywhere_are_misses_and_nothing_else(
    flips: int, real: Path, tmp_path: Path
) -> None:
    print(f"CELLAR_SEED={SEED} CELLAR_CASES={CASES}")
    hits = 0
    for case in range(CASES):
        folder = tmp_path / str(case) / "__marimo__" / "cache"
        shutil.copytree(real, folder)
        spoil(folder, flips, random.Random(f"{SEED} {flips} {case}"))
        store = SqliteStore(str(folder))
        for number in range(COUNT):
            # No exception, of whatever kind, reaches marimo.
            found = loader(store, number).load_cache(hash_key(number))
            assert found is None or found.defs == defs(number)
            hits += found is not None
        lookups.flush()
        rounds = 0
        while problems := audit(store.database, grace=-3600):
            rounds += 1
            assert rounds <= 3, problems
            repairing.repair(store.database, problems)
        store.database.close()
        shutil.rmtree(folder)
    # Each change costs what stood on its page, and leaves the rest.
    assert hits >= CASES * COUNT * {1: 0.9, 5: 0.7, 40: 0.3}[flips]


def spoil(folder: Path, flips: int, chance: random.Random) -> None:
    """Changes bytes of the database, and of one file for each that is changed."""
    files = sorted(path for path in folder.glob("blobs/*/*"))
    for path in [folder / "cache.db", *chance.sample(files, min(flips, 3))]:
        data = bytearray(path.read_bytes())
        for _ in range(flips):
            # Not the marks that say whose file it is.
            data[chance.randrange(100, len(data))] ^= chance.randrange(1, 256)
        path.write_bytes(data)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE blobs SET file = x'' WHERE file IS NOT NULL",
        "UPDATE blobs SET digest = 'text' WHERE file IS NOT NULL",
        "UPDATE entries SET versions = x'00'",
        """UPDATE entries SET versions = '{"folder"'""",
        """UPDATE entries SET versions = '["folder"]'""",
        "UPDATE entries SET created_at = 'text'",
        "UPDATE cells SET cleared_at = 'text'",
        "UPDATE cells SET code = x'00', defs = 1, name = x'01'",
        "UPDATE apps SET path = x'00'",
    ],
)
def test_a_row_that_cannot_be_right_is_a_miss_and_no_error(
    change: str, tmp_path: Path
) -> None:
    filled = Filled(tmp_path)
    with filled.changed() as connection:
        connection.execute(change)
    filled.judge()
