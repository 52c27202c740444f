"""`marimo export html-wasm --execute`, which copies what a run cached by key."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from marimo_cellar.commands import exporting, importing
from marimo_cellar.commands.caches import Cache
from marimo_cellar.entries import keys
from marimo_cellar.entries.entries import EntryKey, Owner
from marimo_cellar.entries.roll import Roll
from marimo_cellar.loaders import published
from marimo_cellar.loaders.takeover import old_file
from marimo_cellar.session.store import SqliteStore
from tests.conftest import Write, ran
from tests.kernels import cache_of, export, python

RECORDS = ".cellar-published-*.jsonl"


def export_wasm(notebook: Path, env: dict[str, str]) -> dict[str, bytes]:
    """The cache that is shipped: bytes by path below `public/cache`."""
    out = notebook.parent.parent / "exported"
    shutil.rmtree(out, ignore_errors=True)
    # marimo asks uv which modules beside the notebook are to be shipped too.
    tools = notebook.parent.parent / "tools"
    tools.mkdir(exist_ok=True)
    (tools / "uv").write_text("#!/bin/sh\necho '{}'\n")
    (tools / "uv").chmod(0o755)
    found = {
        "PATH": f"{tools}{os.pathsep}{env['PATH']}",
        # Or marimo writes the same set of names in another order.
        "PYTHONHASHSEED": "0",
    }
    marimo_export = ("-m", "marimo", "-y", "export", "html-wasm", str(notebook))
    options = ("--output", str(out), "--execute", "--no-sandbox")
    printed = python(notebook, env | found, *marimo_export, *options)
    assert "Cellar" not in printed
    return shipped_files(out / "public" / "cache")


def shipped_files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def stock_files(notebook: Path) -> list[str]:
    """What lies in the cache folder as marimo would have written it."""
    return sorted(
        path.relative_to(cache_of(notebook)).as_posix()
        for path in cache_of(notebook).glob("*/**/*")
        if path.is_file() and "blobs" not in path.parts
    )


def comparable(files: dict[str, bytes]) -> dict[str, object]:
    """Bytes by key; of marimo's list of a notebook's keys, the keys.

    It also says when it was made, and the way to the notebook from the cache.
    """
    return {
        key: json.loads(data)["nodes"] if "/" not in key else data
        for key, data in files.items()
    }


@pytest.fixture
def notebook(write: Write) -> Path:
    return write(
        "shipped.py",
        frame="""
            import pandas as pd
            ran("frame")
            df = pd.DataFrame({"x": range(1000)})
            df
        """,
        large='ran("large"); large = bytes(256_000); text = "short"',
        lazy="""
            @mo.persistent_cache(method="lazy")
            def squares(n):
                ran("squares")
                return [x * x for x in range(n)]
            total = sum(squares(100))
        """,
        pickled="""
            with mo.persistent_cache("not shipped"):
                ran("pickled"); kept = [1, 2, 3]
        """,
        after="len(large) + total",
    )


def test_what_is_shipped_is_what_marimo_ships(
    notebook: Path, env: dict[str, str], plain_env: dict[str, str], tmp_path: Path
) -> None:
    # All is computed, then what a run is served from is less than that.
    computed, served = [export_wasm(notebook, plain_env) for _ in range(2)]
    assert len(computed) > len(served) > 6
    shutil.rmtree(cache_of(notebook))
    ran(notebook)
    assert comparable(export_wasm(notebook, env)) == comparable(computed)
    assert comparable(export_wasm(notebook, env)) == comparable(served)
    assert ran(notebook) == ["frame", "large", "squares", "pickled"]
    # Of what the first run published, the second took back what it did not use.
    assert stock_files(notebook) == sorted(key for key in served if "/" in key)
    # And where the database is elsewhere.
    env["CELLAR_PATH"] = str(tmp_path / "elsewhere")
    assert comparable(export_wasm(notebook, env)) == comparable(computed)


def test_the_next_run_takes_back_what_was_published(
    notebook: Path, env: dict[str, str], plain_env: dict[str, str]
) -> None:
    # marimo left these, of which one result is another now.
    export(notebook, plain_env)
    left = stock_files(notebook)
    notebook.write_text(notebook.read_text().replace("256_000", "255_000"))
    shipped = export_wasm(notebook, env)
    assert len([key for key in shipped if key not in left]) > 2
    assert set(left) < set(stock_files(notebook))
    export(notebook, env)
    assert stock_files(notebook) == left
    assert list(cache_of(notebook).glob(RECORDS)) == []


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    return SqliteStore(str(tmp_path / "cache"))


@pytest.fixture
def published_entry(store: SqliteStore) -> EntryKey:
    """An entry of another notebook, whose file is there for an export."""
    entry = EntryKey("block", "C", "a" * 43, "pickle")
    key = keys.key_of(entry)
    store.stock.write(key, b"\x80result.", 1_000_000_000)
    (store.save_path / f".cellar-published-{'0' * 16}.jsonl").write_text(
        f'"other.py"\n{{"{key}": [8, 1000000000]}}\n{{"cut off'
    )
    return entry


def test_what_is_published_answers_no_lookup(
    store: SqliteStore, published_entry: EntryKey
) -> None:
    nobody = Owner(Roll(None))
    assert store.stock.made_at(published_entry) == 1_000_000_000
    assert old_file(store.database, store.stock, published_entry, nobody) is None
    # What marimo has written anew since does.
    store.stock.write(keys.key_of(published_entry), b"\x80another.", 1_000_000_001)
    assert old_file(store.database, store.stock, published_entry, nobody) is not None


def test_the_commands_take_it_back_first(
    store: SqliteStore, published_entry: EntryKey
) -> None:
    record = next(store.save_path.glob(RECORDS)).read_bytes()
    cache = Cache(store.database, store.stock, Owner(Roll(None)))
    assert importing.take_all(cache, remove=False) == importing.Report()
    # The next run would take away what an export left as it was.
    store.stock.write(keys.key_of(published_entry), b"\x80result.", 1_000_000_000)
    (store.save_path / f".cellar-published-{'0' * 16}.jsonl").write_bytes(record)
    exporting.write_all(store.database, None, store.stock)
    assert list(store.stock.entries()) == []
    assert list(store.save_path.glob(RECORDS)) == []


def test_only_what_is_still_ours_is_taken_back(
    store: SqliteStore, published_entry: EntryKey
) -> None:
    key = keys.key_of(published_entry)
    folder = store.save_path
    # It may be being copied.
    published.take_back(store.stock, Path("notebook.py"))
    assert (folder / key).exists()
    store.stock.write(key, b"\x80another.", 1_000_000_000)
    published.take_back(store.stock, Path("other.py"))
    assert (folder / key).exists()
    assert list(folder.glob(RECORDS)) == []


def test_what_was_left_long_ago_is_taken_back(
    store: SqliteStore, published_entry: EntryKey
) -> None:
    (record,) = store.save_path.glob(RECORDS)
    os.utime(record, (0, 0))
    published.take_back(store.stock, Path("notebook.py"))
    assert list(store.save_path.iterdir()) == []


def test_a_record_leads_nowhere_else(store: SqliteStore, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file.pickle").write_bytes(b"x")
    os.utime(outside / "file.pickle", (2, 2))
    store.save_path.mkdir()
    (store.save_path / "link").symlink_to(outside)
    (store.save_path / f".cellar-published-{'0' * 16}.jsonl").write_text(
        '"n.py"\n{"../outside/file.pickle": [1, 2], "link/file.pickle": [1, 2]}\n'
    )
    published.take_back(store.stock, None)
    assert (outside / "file.pickle").exists()
    assert list(store.save_path.glob(RECORDS)) == []
