"""What killed processes leave is swept, and nothing that is in use."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from marimo_cellar import SqliteStore
from marimo_cellar.checking import checking, repairing, sweeping
from marimo_cellar.checking.findings import Problem
from marimo_cellar.database.database import Database
from marimo_cellar.entries import blobs
from tests.conftest import Write
from tests.kernels import cache_of, export
from tests.test_store import audit

HOUR = 3600.0


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    store = SqliteStore(str(tmp_path / "cache"))
    assert store.put("n/P_1.pickle", os.urandom(100_000))
    return store


def age(path: Path, seconds: float) -> Path:
    then = time.time() - seconds
    os.utime(path, (then, then))
    return path


def left_behind(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a save that was cut off before its row was there."""
    data = os.urandom(100_000)
    name = blobs.prepare(store.database, data, "npy").file
    assert name is not None
    return store.database.blobs / name


def cut_off(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The rest of a write that was cut off before the file had its name."""
    before = set(store.database.blobs.rglob("*"))
    with monkeypatch.context() as patch:
        for gone in ("replace", "unlink"):
            patch.setattr(os, gone, raise_killed)
        patch.setattr(Path, "unlink", raise_killed)
        with pytest.raises(Killed):
            blobs.prepare(store.database, os.urandom(100_000), "npy")
    (rest,) = (
        path
        for path in store.database.blobs.rglob("*")
        if path not in before and path.is_file()
    )
    return rest


class Killed(BaseException):
    pass


def raise_killed(*_: object, **__: object) -> None:
    raise Killed


@pytest.mark.parametrize("leave", [left_behind, cut_off])
def test_what_is_left_is_swept_when_it_is_an_hour_old(
    leave: object, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert callable(leave)
    young: Path = leave(store, monkeypatch)
    old = age(leave(store, monkeypatch), HOUR + 60)
    for path in store.database.blobs.rglob("*"):
        if path.is_file() and path != young:
            age(path, HOUR + 60)
    assert sweeping.sweep(store.database) == 1
    assert young.exists() and not old.exists()
    assert sweeping.sweep(store.database, time.time() + 2 * HOUR) == 1
    assert checking.audit(store.database, now=time.time() + 2 * HOUR) == []
    audit(store)


def test_somebody_else_s_file_is_left(store: SqliteStore) -> None:
    theirs = store.database.blobs / "notes.txt"
    theirs.write_text("theirs")
    age(theirs, 2 * HOUR)
    sweeping.sweep(store.database)
    assert theirs.exists()


def test_the_copy_of_a_migration_that_was_cut_off_is_swept(store: SqliteStore) -> None:
    old, young = (Path(f"{store.database.path}.before-{n}.0") for n in (2, 3))
    for copy in (old, young):
        copy.write_bytes(b"copy")
    age(old, 2 * HOUR)
    assert sweeping.sweep(store.database) == 1
    assert young.exists() and not old.exists()


def test_a_file_that_got_its_row_meanwhile_is_left(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = os.urandom(100_000)
    file = age(
        store.database.blobs / str(blobs.prepare(store.database, data, "pickle").file),
        2 * HOUR,
    )
    remove = repairing.remove_files

    def save_first(database: Database, found: list[Problem]) -> int:
        assert store.put("n/P_2.pickle", data)
        return remove(database, found)

    monkeypatch.setattr(repairing, "remove_files", save_first)
    assert sweeping.sweep(store.database) == 0
    assert file.exists() and store.get("n/P_2.pickle") == data


def test_it_is_swept_once_a_day(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = Path(f"{store.database.path}-swept")
    age(left_behind(store, monkeypatch), 2 * HOUR)
    sweeping.sweep_daily(store.database)
    audit(store)
    late = age(left_behind(store, monkeypatch), 2 * HOUR)
    sweeping.sweep_daily(store.database)
    assert late.exists()
    age(mark, 25 * HOUR)
    sweeping.sweep_daily(store.database)
    assert not late.exists()
    audit(store)


def test_the_end_of_a_run_sweeps(write: Write, env: dict[str, str]) -> None:
    notebook = write("sweep.py", one="x = bytes(100_000)")
    export(notebook, env)
    cache = cache_of(notebook)
    # Of a save that was cut off yesterday; this run is the first of today.
    name = "ab" * 32
    (cache / "blobs" / "ab").mkdir(exist_ok=True)
    rest = cache / "blobs" / "ab" / f"{name}.npy"
    rest.write_bytes(b"rest")
    age(rest, 20 * HOUR)
    age(cache / "cache.db-swept", 25 * HOUR)
    export(notebook, env)
    assert not rest.exists()
    assert len([path for path in cache.glob("blobs/*/*") if path.is_file()]) == 1
