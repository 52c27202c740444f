"""SqliteStore and SqliteLoader as marimo uses them, in this process."""

from __future__ import annotations

import hashlib
import inspect
import os
import sqlite3
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marimo_cellar import SqliteLoader, SqliteStore
from marimo_cellar._marimo import (
    Cache,
    FileStore,
    HashKey,
    LazyLoader,
    LazyStore,
)
from marimo_cellar.checking import checking
from marimo_cellar.database.database import database_in
from marimo_cellar.entries import blobs
from marimo_cellar.entries.blobs import INLINE_BYTES
from marimo_cellar.loaders.loader import SqliteJsonLoader, SqlitePickleLoader
from marimo_cellar.session import parts

KEY = HashKey(hash="abc", cache_type="Pure")


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    return SqliteStore(str(tmp_path / "cache"))


def rows(store: SqliteStore, sql: str) -> list[Any]:
    with store.database.reading() as connection:
        assert connection is not None
        return connection.execute(sql).fetchall()


def loader(kind: type[Any], store: SqliteStore, **options: Any) -> Any:
    given = LazyStore(store) if kind is SqliteLoader else store
    return kind("block", store=given, **options)


def filled(**defs: Any) -> Cache:
    return Cache(
        defs=defs,
        hash=KEY.hash,
        cache_type=KEY.cache_type,
        stateful_refs=set(),
        hit=False,
        meta={"version": 6, "runtime": 1.5},
    )


def saved(one: Any, **defs: Any) -> None:
    assert one.save_cache(filled(**defs))
    one.flush()


class Restless:
    """What is pickled and does not come back."""

    def __reduce__(self) -> Any:
        return int, ("no number",)


# The store


def test_a_store_is_a_file_store_so_that_marimo_signs(store: SqliteStore) -> None:
    assert isinstance(store, FileStore)
    assert store.local_dirs() == [store.save_path]


@pytest.mark.parametrize(
    "key",
    [
        "block/P_abc.pickle",
        "block/C_x-_y.json",
        "cell_cache/P_abc.jsonl",
        "any/depth/of/key.bin",
        "no_folder",
    ],
)
@pytest.mark.parametrize("size", [1, INLINE_BYTES, INLINE_BYTES + 1])
def test_what_is_put_is_got(store: SqliteStore, key: str, size: int) -> None:
    data = os.urandom(size)
    assert store.get(key) is None and not store.hit(key) and not store.clear(key)
    assert store.put(key, data)
    again = SqliteStore(str(store.save_path))
    assert again.get(key) == data and again.hit(key)
    assert dict(again.get_batch([key, "nothing/P_none.pickle"])) == {
        key: data,
        "nothing/P_none.pickle": None,
    }
    files = [path for path in store.database.blobs.rglob("*") if path.is_file()]
    assert len(files) == (size > INLINE_BYTES)
    assert again.clear(key)
    assert not store.hit(key) and store.get(key) is None
    assert rows(store, "SELECT count(*) FROM blobs") == [(0,)]
    assert not any(path.is_file() for path in store.database.blobs.rglob("*"))


def test_a_key_that_only_marimos_file_has_is_answered_from_it(
    store: SqliteStore,
) -> None:
    stock = FileStore(str(store.save_path))
    key = "block/P_abc.pickle"
    stock.put(key, b"old")
    assert store.get(key) == b"old" and store.hit(key)
    store.put(key, b"new")
    assert store.get(key) == b"new"
    # What is damaged, or cleared, does not come back from the old file.
    with store.database.writing() as connection:
        connection.execute("UPDATE blobs SET quarantined_at = 1")
    assert store.get(key) is None and not store.hit(key)
    assert store.clear(key)
    assert store.get(key) is None and not store.hit(key)


def test_values_whose_manifest_never_comes_are_given_up(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr(parts, "monotonic", lambda: now)
    monkeypatch.setattr(parts, "_LIMIT", 300_000)
    one, two, three = (f"n/{letter * 22}/x.npy" for letter in "abc")
    files = store.database.blobs

    def here() -> list[bool]:
        return [store.hit(key) for key in (one, two, three)]

    assert store.put(one, b"1" * 200_000)
    now = 3500.0
    assert store.put(one.replace("x.", "y."), b"y")
    now = 7000.0
    assert store.put(two, b"2" * 50_000)
    assert here() == [True, True, False]
    now = 7100.0
    assert store.put(two, b"2" * 50_001)
    assert here() == [False, True, False]
    assert not [file for file in files.rglob("*") if file.is_file()]
    now = 7600.0
    assert store.put(three, b"3" * 400_000)
    assert here() == [False, True, True]
    now = 7700.0
    assert store.put(three, b"4" * 400_000)
    assert here() == [False, False, True]


def test_parts_are_there_for_the_writer_and_for_others_with_the_manifest(
    store: SqliteStore,
) -> None:
    other = SqliteStore(str(store.save_path))
    hash = "dc8sase2Po7xfakuHMeboH0K7PT_DNnDJAXxrXy-dhw"
    store.put(f"cell_cache/{hash}/x.pickle", b"x")
    assert store.get(f"cell_cache/{hash}/x.pickle") == b"x"
    assert other.get(f"cell_cache/{hash}/x.pickle") is None
    store.put(f"cell_cache/C_{hash}.jsonl", b"{}")
    assert other.get(f"cell_cache/{hash}/x.pickle") == b"x"
    assert rows(store, "SELECT cache_type, hash, loader FROM entries") == [
        ("C", hash, "lazy")
    ]


def test_stock_loaders_work_over_the_store(store: SqliteStore) -> None:
    saved(LazyLoader("block", store=LazyStore(store)), x=[1, 2])
    again = LazyLoader("block", store=LazyStore(SqliteStore(str(store.save_path))))
    loaded = again.load_cache(KEY)
    assert loaded is not None and loaded.defs == {"x": [1, 2]}


def test_rows_are_as_both_languages_define_them(store: SqliteStore) -> None:
    small, large = b"small", os.urandom(INLINE_BYTES + 1)
    store.put("a/P_1.pickle", small)
    store.put("a/P_2.pickle", large)
    for key, data in (("a/P_1.pickle", small), ("a/P_2.pickle", large)):
        digest = hashlib.sha256(data).digest()
        with store.database.reading() as connection:
            assert connection is not None
            found = connection.execute(
                "SELECT size, crc32, file, content, seal, format FROM items"
                " JOIN blobs USING (digest) WHERE key = ? AND digest = ?",
                (key, digest),
            ).fetchone()
        name = f"{digest.hex()[:2]}/{digest.hex()}.pickle"
        sealed = zlib.crc32(key.encode() + digest + len(data).to_bytes(8, "little"))
        inline = len(data) <= INLINE_BYTES
        assert found == (
            len(data),
            zlib.crc32(data),
            None if inline else name,
            data if inline else None,
            sealed,
            "pickle",
        )
        assert inline or (store.database.blobs / name).read_bytes() == data


def test_equal_bytes_are_stored_once_and_stay_while_one_refers(
    store: SqliteStore,
) -> None:
    data = os.urandom(INLINE_BYTES * 2)
    store.put("a/P_1.pickle", data)
    store.put("b/P_2.pickle", data)
    assert rows(store, "SELECT count(*) FROM blobs") == [(1,)]
    store.clear("a/P_1.pickle")
    assert store.get("b/P_2.pickle") == data


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["put", "clear", "get"]),
            st.sampled_from([f"n/P_{i}.pickle" for i in range(4)]),
            st.sampled_from([1, INLINE_BYTES + 1, 100_000]),
        ),
        max_size=20,
    )
)
def test_a_store_is_a_mapping(
    tmp_path: Path, steps: list[tuple[str, str, int]]
) -> None:
    store = SqliteStore(str(tmp_path / os.urandom(4).hex()))
    model: dict[str, bytes] = {}
    for what, key, size in steps:
        if what == "put":
            data = bytes([size % 256]) * size
            assert store.put(key, data)
            model[key] = data
        elif what == "clear":
            assert store.clear(key) == (model.pop(key, None) is not None)
        assert store.get(key) == model.get(key)
        assert store.hit(key) == (key in model)
    if model:
        audit(store)


def audit(store: SqliteStore) -> None:
    """The store's own check, with which its tests end.

    Some of them store what is no manifest under a manifest's key.
    """
    found = checking.audit(store.database, grace=0)
    assert [one for one in found if one.kind != "manifest"] == []


# The loaders


@pytest.mark.parametrize("kind", [SqliteLoader, SqlitePickleLoader, SqliteJsonLoader])
def test_a_loader_keeps_and_clears_an_entry(
    kind: type[Any], store: SqliteStore
) -> None:
    one = loader(kind, store)
    assert one.load_cache(KEY) is None and not one.cache_hit(KEY)
    saved(one, x=[1, 2], text="words" * 20_000)
    assert one.cache_hit(KEY)
    loaded = loader(kind, store).load_cache(KEY)
    assert loaded is not None
    assert loaded.defs == {"x": [1, 2], "text": "words" * 20_000}
    assert rows(store, "SELECT runtime FROM entries") == [(1.5,)]
    assert one.storage_dirs() == [store.save_path]
    assert one.clearable_bytes() == rows(store, "SELECT sum(size) FROM blobs")[0][0]
    assert all(path.is_file() for path in one.clearable_paths())
    one.clear()
    assert not one.cache_hit(KEY) and one.load_cache(KEY) is None
    assert one.clearable_bytes() == 0
    audit(store)


def test_clearing_one_cache_leaves_another(store: SqliteStore) -> None:
    one = loader(SqlitePickleLoader, store)
    two = SqlitePickleLoader("other", store=store)
    saved(one, x=1)
    saved(two, x=1)
    one.clear()
    assert not one.cache_hit(KEY) and two.cache_hit(KEY)


def strict() -> dict[str, str]:
    # What 0.25 calls verification was the mode of a loader in 0.24.
    parameters = inspect.signature(LazyLoader.__init__).parameters
    return {"verification" if "verification" in parameters else "mode": "strict"}


@pytest.mark.parametrize(
    "spoil",
    [
        "DELETE FROM items WHERE name = 'x'",
        "UPDATE blobs SET content = zeroblob(size)",
        "UPDATE items SET seal = 0",
        "UPDATE entries SET hash = 'other'",
        "UPDATE items SET key = replace(key, 'abc', 'other')",
        "UPDATE items SET digest = (SELECT digest FROM items WHERE name = 'y')"
        " WHERE name = 'x'",
    ],
)
def test_no_fault_of_ours_is_strictly_an_error(
    spoil: str, store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("cryptography")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    one = loader(SqliteLoader, store, **strict())
    saved(one, x=[1], y=[2])
    assert one.load_cache(KEY) is not None
    with store.database.writing() as connection:
        connection.execute(spoil)
    asked = HashKey("other", "Pure") if "entries" in spoil else KEY
    assert one.load_cache(asked) is None


@pytest.mark.parametrize("kind", [SqliteLoader, SqlitePickleLoader, SqliteJsonLoader])
def test_other_names_than_asked_for_are_a_miss_and_no_error(
    kind: type[Any], store: SqliteStore
) -> None:
    one = loader(kind, store)
    saved(one, x=[1])
    attempt = one.cache_attempt({"y"}, KEY, set())
    assert not attempt.hit
    assert one.cache_attempt({"x"}, KEY, set()).hit


def test_a_put_that_fails_drops_the_entry_and_does_not_mark_the_value(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = loader(SqliteLoader, store)
    whole = blobs.prepare
    sizes: list[int] = []

    def full_disk(database: Any, data: bytes, *rest: Any) -> Any:
        sizes.append(len(data))
        if len(sizes) == 2:
            raise OSError(28, "No space left on device")
        return whole(database, data, *rest)

    monkeypatch.setattr(blobs, "prepare", full_disk)
    one.save_cache(filled(x=[1], y=[2], z=[3]))
    one.flush()
    monkeypatch.undo()
    assert len(sizes) == 4
    assert one.load_cache(KEY) is None
    saved(one, x=[1], y=[2], z=[3])
    loaded = one.load_cache(KEY)
    assert loaded is not None and loaded.defs == {"x": [1], "y": [2], "z": [3]}


def test_a_commit_that_fails_leaves_no_row(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put("n/P_1.pickle", b"one")

    def fails(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(blobs, "remove_unused", fails)
        assert store.put("n/P_2.pickle", b"two") is False
    assert store.get("n/P_1.pickle") == b"one" and store.get("n/P_2.pickle") is None
    assert rows(store, "SELECT count(*) FROM entries") == [(1,)]
    audit(store)


# Many at once


def test_threads_share_a_store(store: SqliteStore) -> None:
    def work(worker: int) -> None:
        for step in range(15):
            key = f"n/P_{(worker * 7 + step) % 20}.pickle"
            data = bytes([worker]) * (100 if step % 3 else INLINE_BYTES + worker + 1)
            assert store.put(key, data)
            # Another worker may have put its own meanwhile, never half of it.
            got = store.get(key)
            assert got is not None and len(set(got)) == 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    audit(store)


def test_threads_do_not_pile_up_connections(store: SqliteStore) -> None:
    for step in range(30):
        thread = threading.Thread(target=store.put, args=(f"n/P_{step}.pickle", b"x"))
        thread.start()
        thread.join()
    database = database_in(store.save_path)
    assert 1 <= len(database.connections.idle) <= 8


LARGE = b"large" * 300_000


@pytest.mark.parametrize(
    ("values", "threads"),
    [
        ({"x": [1], "y": {"k": 2}}, 0),
        # With one large value more threads have nothing to do.
        ({"x": LARGE, "y": {"k": 2}}, 0),
        ({"x": LARGE, "y": LARGE[1:]}, 2),
    ],
    ids=["little", "one large", "two large"],
)
def test_an_entry_is_restored_on_threads_where_these_gain_something(
    values: dict[str, object],
    threads: int,
    store: SqliteStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = loader(SqliteLoader, store)
    saved(one, **values)
    started: list[threading.Thread] = []
    start = threading.Thread.start

    def begin(thread: threading.Thread) -> None:
        # Not what writes the lookup down later.
        if not isinstance(thread, threading.Timer):
            started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", begin)
    found = one.load_cache(KEY)
    assert found is not None and found.defs == values
    assert len(started) == threads


def test_what_cannot_be_restored_is_still_marimos_to_judge(store: SqliteStore) -> None:
    one = loader(SqliteLoader, store)
    saved(one, x=Restless())
    assert one.load_cache(KEY) is None
