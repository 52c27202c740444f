"""What marimo cached before Cellar came answers, and what was cleared does not."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from marimo_cellar import SqliteLoader, SqliteStore
from marimo_cellar._marimo import (
    FileStore,
    HashKey,
    JsonLoader,
    LazyLoader,
    LazyStore,
    PickleLoader,
)
from marimo_cellar.database.database import Database
from marimo_cellar.entries import behind, blobs, saving
from marimo_cellar.entries.blobs import INLINE_BYTES
from marimo_cellar.entries.entries import Owner
from marimo_cellar.entries.roll import Roll
from marimo_cellar.entries.saving import Save
from marimo_cellar.loaders.loader import SqliteJsonLoader, SqlitePickleLoader
from marimo_cellar.lookups import lookups
from marimo_cellar.session.entry_stores import EntryWriter
from marimo_cellar.session.stock import StockFiles
from marimo_cellar.values import blobfile
from tests.test_store import KEY, audit, loader, rows, saved, strict

KINDS = [
    (SqliteLoader, LazyLoader),
    (SqlitePickleLoader, PickleLoader),
    (SqliteJsonLoader, JsonLoader),
]
DEFS = {"x": [1, 2], "text": "words" * (INLINE_BYTES // 4)}


@pytest.fixture(autouse=True)
def own_signing_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    return SqliteStore(str(tmp_path / "cache"))


def leave_files(kind: type[Any], store: SqliteStore, **defs: Any) -> dict[str, bytes]:
    """What marimo without Cellar leaves, by key."""
    files: Any = FileStore(str(store.save_path))
    saved(
        kind("block", store=LazyStore(files) if kind is LazyLoader else files), **defs
    )
    return files_in(store)


def files_in(store: SqliteStore) -> dict[str, bytes]:
    folder = store.save_path / "block"
    return {
        path.relative_to(store.save_path).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def stored(store: SqliteStore) -> dict[str, bytes]:
    keys = [key for (key,) in rows(store, "SELECT key FROM items")]
    return {key: data for key in keys if (data := store.get(key)) is not None}


@pytest.mark.parametrize(("ours", "stock"), KINDS)
def test_a_file_answers_and_is_taken_in_as_it_is(
    ours: type[Any], stock: type[Any], store: SqliteStore
) -> None:
    files = leave_files(stock, store, **DEFS)
    one = loader(ours, store)
    assert one.cache_hit(KEY)
    loaded = one.load_cache(KEY)
    assert loaded is not None and loaded.defs == DEFS
    one.flush()
    assert stored(store) == files == files_in(store)
    made_at = max(os.stat(store.save_path / key).st_mtime for key in files)
    assert rows(store, "SELECT created_at, runtime, versions FROM entries") == [
        (made_at, None, "{}")
    ]
    lookups.flush()
    assert rows(store, "SELECT hits FROM entries") == [(1,)]
    assert rows(store, "SELECT outcome FROM lookups") == [("hit",)]
    shutil.rmtree(store.save_path / "block")
    again = loader(ours, store).load_cache(KEY)
    assert again is not None and again.defs == DEFS
    audit(store)


def test_a_signed_file_serves_a_strict_loader(store: SqliteStore) -> None:
    pytest.importorskip("cryptography")
    leave_files(LazyLoader, store, **DEFS)
    one = loader(SqliteLoader, store, **strict())
    assert one.load_cache(KEY) is not None
    one.flush()
    shutil.rmtree(store.save_path / "block")
    assert loader(SqliteLoader, store, **strict()).load_cache(KEY) is not None


@pytest.mark.parametrize(("ours", "stock"), KINDS)
def test_the_database_comes_before_the_files(
    ours: type[Any], stock: type[Any], store: SqliteStore
) -> None:
    leave_files(stock, store, x=["old"])
    saved(loader(ours, store), x=["new"])
    loaded = loader(ours, store).load_cache(KEY)
    assert loaded is not None and loaded.defs == {"x": ["new"]}
    assert rows(store, "SELECT count(*) FROM entries") == [(1,)]


def test_without_a_file_nothing_is_opened(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[object] = []
    access = os.access

    def count(path: Any, mode: int) -> bool:
        looked.append(path)
        return access(path, mode)

    monkeypatch.setattr(os, "access", count)
    monkeypatch.setattr(os, "lstat", lambda path, **_: pytest.fail(str(path)))
    monkeypatch.setattr(blobfile, "read", lambda path: pytest.fail(str(path)))
    assert loader(SqliteLoader, store).load_cache(KEY) is None
    assert looked == [str(store.save_path / "block" / "P_abc.jsonl")]


# Damage


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def write_as(data: bytes) -> Callable[[Path], None]:
    def act(path: Path) -> None:
        path.write_bytes(data)

    return act


def rewrite(change: Callable[[Any], None]) -> Callable[[Path], None]:
    def act(path: Path) -> None:
        content = json.loads(path.read_bytes())
        change(content)
        path.write_bytes(json.dumps(content).encode())

    return act


def outside(content: Any) -> None:
    content["defs"]["x"]["reference"] = "block/../../secret.pickle"


def number(content: Any) -> None:
    content["defs"]["x"]["reference"] = 7


def other_hash(content: Any) -> None:
    content["hash"] = "other"


MANIFEST, PART = "P_abc.jsonl", "abc/x.pickle"
DAMAGE: list[tuple[type[Any], type[Any], str, Callable[[Path], None]]] = [
    (SqliteLoader, LazyLoader, MANIFEST, cut),
    (SqliteLoader, LazyLoader, MANIFEST, rewrite(other_hash)),
    (SqliteLoader, LazyLoader, MANIFEST, rewrite(outside)),
    (SqliteLoader, LazyLoader, MANIFEST, rewrite(number)),
    (SqliteLoader, LazyLoader, MANIFEST, write_as(b"[]")),
    (
        SqliteLoader,
        LazyLoader,
        MANIFEST,
        write_as(b"[" * 200_000),
    ),
    (SqliteLoader, LazyLoader, MANIFEST, write_as(b"")),
    (SqliteLoader, LazyLoader, PART, Path.unlink),
    (SqliteLoader, LazyLoader, PART, cut),
    (SqlitePickleLoader, PickleLoader, "P_abc.pickle", cut),
    (
        SqlitePickleLoader,
        PickleLoader,
        "P_abc.pickle",
        # What is pickled is not what marimo pickles.
        write_as(b"\x80\x04N."),
    ),
    (SqliteJsonLoader, JsonLoader, "P_abc.json", cut),
    (SqliteJsonLoader, JsonLoader, "P_abc.json", rewrite(other_hash)),
]


@pytest.mark.parametrize(("ours", "stock", "file", "spoil"), DAMAGE)
def test_a_damaged_file_is_a_miss_and_stays_outside(
    ours: type[Any],
    stock: type[Any],
    file: str,
    spoil: Callable[[Path], None],
    store: SqliteStore,
) -> None:
    leave_files(stock, store, x=list(range(100)), y=1)
    spoil(store.save_path / "block" / file)
    one = loader(ours, store)
    assert one.load_cache(KEY) is None
    one.flush()
    # The cell runs, and what it saves answers from then on.
    saved(one, x=[3])
    loaded = loader(ours, store).load_cache(KEY)
    assert loaded is not None and loaded.defs == {"x": [3]}
    assert rows(store, "SELECT count(*) FROM entries") == [(1,)]


@pytest.mark.parametrize("file", [MANIFEST, PART])
@pytest.mark.parametrize("options", [{}, strict()])
def test_a_wrong_byte_of_a_signed_file_is_a_miss(
    file: str, options: dict[str, str], store: SqliteStore
) -> None:
    pytest.importorskip("cryptography")
    leave_files(LazyLoader, store, x=list(range(100)))
    spoil = cut if file == MANIFEST else flip
    spoil(store.save_path / "block" / file)
    one = loader(SqliteLoader, store, **options)
    assert one.load_cache(KEY) is None
    one.flush()
    assert not store.database.path.exists()


@pytest.mark.parametrize(("ours", "stock"), KINDS)
def test_a_file_of_another_entry_is_a_miss(
    ours: type[Any], stock: type[Any], store: SqliteStore
) -> None:
    leave_files(stock, store, x=[1])
    for path in list((store.save_path / "block").iterdir()):
        path.rename(path.with_name(path.name.replace("abc", "other")))
    assert loader(ours, store).load_cache(HashKey("other", "Pure")) is None


@pytest.mark.parametrize(("ours", "stock"), KINDS)
def test_a_file_with_other_names_is_a_miss(
    ours: type[Any], stock: type[Any], store: SqliteStore
) -> None:
    leave_files(stock, store, x=[1])
    assert not loader(ours, store).cache_attempt({"y"}, KEY, set()).hit
    assert loader(ours, store).cache_attempt({"x"}, KEY, set()).hit


def test_a_file_that_cannot_be_taken_in_answers_all_the_same(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_files(LazyLoader, store, **DEFS)

    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(blobs, "prepare", full_disk)
        one = loader(SqliteLoader, store)
        loaded = one.load_cache(KEY)
        assert loaded is not None and loaded.defs == DEFS
        one.flush()
    assert not store.database.path.exists()


# What was cleared


@pytest.mark.parametrize(("ours", "stock"), KINDS)
@pytest.mark.parametrize("taken", [True, False])
def test_clearing_removes_the_files_and_says_what_they_take(
    taken: bool, ours: type[Any], stock: type[Any], store: SqliteStore
) -> None:
    files = leave_files(stock, store, **DEFS)
    one = loader(ours, store)
    if taken:
        assert one.load_cache(KEY) is not None
        one.flush()
    assert {store.save_path / key for key in files} <= set(one.clearable_paths())
    size = sum(map(len, files.values()))
    assert one.clearable_bytes() == size * (2 if taken else 1)
    one.clear()
    assert one.load_cache(KEY) is None and not one.cache_hit(KEY)
    assert files_in(store) == {} and one.clearable_bytes() == 0


def test_clearing_leaves_the_files_of_other_caches(store: SqliteStore) -> None:
    leave_files(PickleLoader, store, x=1)
    leave_files(JsonLoader, store, x=1)
    loader(SqlitePickleLoader, store).clear()
    assert list(files_in(store)) == ["block/P_abc.json"]


@pytest.mark.parametrize(("ours", "stock"), KINDS)
@pytest.mark.parametrize("taken", [True, False])
def test_clearing_a_key_removes_its_files(
    taken: bool, ours: type[Any], stock: type[Any], store: SqliteStore
) -> None:
    files = leave_files(stock, store, x=[1])
    one = loader(ours, store)
    if taken:
        one.load_cache(KEY)
        one.flush()
    assert store.clear(next(key for key in files if "/P_abc." in key))
    assert files_in(store) == {} and one.load_cache(KEY) is None


def test_a_link_to_a_folder_is_not_emptied(store: SqliteStore, tmp_path: Path) -> None:
    leave_files(LazyLoader, store, x=[1])
    parts = store.save_path / "block" / "abc"
    kept = parts.rename(tmp_path / "elsewhere")
    parts.symlink_to(kept, target_is_directory=True)
    loader(SqliteLoader, store).clear()
    assert (kept / "x.pickle").exists()


def test_what_a_link_in_place_of_a_block_leads_to_is_not_removed(
    store: SqliteStore, tmp_path: Path
) -> None:
    files = leave_files(LazyLoader, store, x=[1])
    block = store.save_path / "block"
    kept = block.rename(tmp_path / "elsewhere")
    block.symlink_to(kept, target_is_directory=True)
    before = sorted(kept.rglob("*"))
    one = loader(SqliteLoader, store)
    assert one.clearable_bytes() == 0
    one.clear()
    for key in files:
        store.clear(key)
    assert sorted(kept.rglob("*")) == before


def test_blobs_of_two_manifests_stay_for_the_other(store: SqliteStore) -> None:
    leave_files(LazyLoader, store, x=[1])
    block = store.save_path / "block"
    shutil.copy(block / "P_abc.jsonl", block / "C_abc.jsonl")
    store.clear("block/C_abc.jsonl")
    assert loader(SqliteLoader, store).load_cache(KEY) is not None


def test_a_file_older_than_the_last_clear_is_hidden(store: SqliteStore) -> None:
    """As VS Code clears: rows, and when. The files are not its own."""
    leave_files(PickleLoader, store, x=[1])
    one = loader(SqlitePickleLoader, store)
    assert one.load_cache(KEY) is not None
    one.flush()
    with store.database.writing() as connection:
        connection.execute("DELETE FROM entries")
        connection.execute("UPDATE cells SET cleared_at = ?", (time.time(),))
    assert one.load_cache(KEY) is None and not one.cache_hit(KEY)
    file = store.save_path / "block" / "P_abc.pickle"
    # A clock that is ahead does not bring it back either.
    os.utime(file, (time.time() + 3600,) * 2)
    assert one.load_cache(KEY) is None
    # A file that marimo wrote since does answer.
    with store.database.writing() as connection:
        connection.execute("UPDATE cells SET cleared_at = ?", (time.time() - 60,))
    os.utime(file)
    assert one.load_cache(KEY) is not None


def test_what_is_cleared_while_it_is_taken_in_stays_out(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_files(PickleLoader, store, x=[1])
    one = loader(SqlitePickleLoader, store)
    save_all = saving.save_all

    def cleared_first(database: Database, saves: Sequence[Save]) -> None:
        save_all(database, [replace(save, made_at=None) for save in saves])
        with store.database.writing() as connection:
            assert connection.execute("DELETE FROM entries").rowcount
            connection.execute("UPDATE cells SET cleared_at = ?", (time.time(),))
        save_all(database, saves)

    with monkeypatch.context() as patch:
        patch.setattr(behind, "save_all", cleared_first)
        assert one.load_cache(KEY) is not None
        one.flush()
    assert rows(store, "SELECT count(*) FROM entries") == [(0,)]


def test_what_is_taken_in_takes_no_newer_entrys_place(store: SqliteStore) -> None:
    files = leave_files(PickleLoader, store, x=["old"])
    one = loader(SqlitePickleLoader, store)
    # Two lookups at once, or a save by another kernel meanwhile.
    saved(one, x=["new"])
    writer = EntryWriter(
        store.database, one._entry(KEY), Owner(Roll(None)), made_at=1.0
    )
    for key, data in files.items():
        writer.put(key, data)
    assert not writer.finish()
    loaded = one.load_cache(KEY)
    assert loaded is not None and loaded.defs == {"x": ["new"]}
    audit(store)


def test_what_is_set_aside_does_not_come_back_from_its_file(
    store: SqliteStore,
) -> None:
    leave_files(PickleLoader, store, x=[1])
    one = loader(SqlitePickleLoader, store)
    assert one.load_cache(KEY) is not None
    one.flush()
    with store.database.writing() as connection:
        connection.execute("UPDATE blobs SET content = zeroblob(size)")
    for _ in range(2):
        assert one.load_cache(KEY) is None and not one.cache_hit(KEY)
    assert rows(store, "SELECT count(quarantined_at) FROM blobs") == [(1,)]


@pytest.mark.parametrize(
    "key",
    [
        *("cache.db", "CACHE.DB-wal", "CACHEDIR.TAG", ".gitignore"),
        *("../x.pickle", "/x", "a/../x", "a//x", "a\\x", "C:/x", "a/\0", ""),
        f"blobs/ab/{'ab' * 32}.bin",
    ],
)
def test_a_key_is_no_way_out_of_the_folder(key: str, tmp_path: Path) -> None:
    stock = StockFiles(tmp_path / "cache")
    with pytest.raises(ValueError, match="no file of a cache"):
        stock.write(key, b"x", 0)
    assert stock.read(key) is None and not stock.remove(key)
    assert list(tmp_path.iterdir()) == []
