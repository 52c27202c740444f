"""`python -m marimo_cellar import`: what marimo cached in files is taken in."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from marimo_cellar import SqliteStore
from marimo_cellar.__main__ import main
from marimo_cellar._marimo import JsonLoader, LazyLoader, PickleLoader
from marimo_cellar.commands import importing
from marimo_cellar.commands.caches import cache_of as cache_for
from marimo_cellar.entries import blobs
from tests.kernels import rows_in
from tests.test_store import KEY, audit, loader, rows
from tests.test_takeover import (
    DEFS,
    KINDS,
    cut,
    files_in,
    leave_files,
    own_signing_key,
    stored,
)

__all__ = ["own_signing_key"]

IMPORTS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "test" / "fixtures" / "imports.json").read_text()
)


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    """In marimo's place for a folder's notebooks."""
    return SqliteStore(str(tmp_path / "__marimo__" / "cache"))


@pytest.mark.parametrize("case", IMPORTS, ids=[case["name"] for case in IMPORTS])
def test_the_table_of_imports(case: dict[str, Any], tmp_path: Path) -> None:
    folder = tmp_path / "__marimo__" / "cache"
    folder.mkdir(parents=True)
    cache = cache_for(tmp_path)
    with cache.database.writing() as connection:
        for sql in case.get("before", []):
            connection.execute(sql)
    for name, file in case["files"].items():
        _lay(folder / name, file)
    report = {"imported": 0, "there": 0, "cleared": 0, "damaged": [], **case["report"]}
    assert _told(importing.take_all(cache, remove=False)) == report
    assert _imported(folder) == [_expected(entry) for entry in case["entries"]]
    # Once more, and nothing is left to do.
    again = {"imported": 0, "there": report["there"] + report["imported"]}
    done = importing.take_all(cache, remove=True)
    assert _told(done) == {**report, **again}
    left = [name for name in case["files"] if os.path.lexists(folder / name)]
    assert sorted(left) == case["left"]


def _lay(path: Path, file: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if "link" in file:
        path.symlink_to(file["link"])
        return
    path.write_bytes(_bytes(file))
    os.utime(path, (file["time"], file["time"]))


def _bytes(content: Any) -> bytes:
    if isinstance(content, str):
        return content.encode()
    return (
        bytes.fromhex(content["hex"]) if "hex" in content else _bytes(content["text"])
    )


def _told(report: importing.Report) -> dict[str, Any]:
    return {
        "imported": report.imported,
        "there": report.there,
        "cleared": report.cleared,
        "damaged": report.damaged,
    }


def _imported(folder: Path) -> list[Any]:
    """What belongs to the imported app's cell outside any, with its items."""
    entries = rows_in(
        folder,
        "SELECT entry_id, cache_name, cache_type, hash, loader, created_at, runtime,"
        " node, versions FROM entries JOIN cells USING (cell_id) JOIN apps"
        " USING (app_id) WHERE path = '../../imported' AND name ="
        " '(outside any cell)' AND ordinal = -1 ORDER BY cache_name, hash",
    )
    return [
        {
            "key": list(row[1:5]),
            "created_at": row[5],
            "facts": row[6:],
            "items": [
                list(item)
                for item in rows_in(
                    folder,
                    "SELECT key, name, format, type_hint, content FROM items JOIN"
                    f" blobs USING (digest) WHERE entry_id = {row[0]} ORDER BY key",
                )
            ],
        }
        for row in entries
    ]


def _expected(entry: dict[str, Any]) -> dict[str, Any]:
    items = [[*item[:4], _bytes(item[4])] for item in entry["items"]]
    return {**entry, "facts": (None, None, "{}"), "items": items}


def test_import_takes_all_in_and_leaves_the_files(
    store: SqliteStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _, stock in KINDS:
        leave_files(stock, store, **DEFS)
    files = files_in(store)
    assert main(["import", str(tmp_path)]) == 0
    said = capsys.readouterr()
    assert "3 imported, 0 there already." in said.out
    assert "Importing: 3 of 3" in said.err
    assert stored(store) == files == files_in(store)
    assert rows(
        store,
        "SELECT DISTINCT path, name FROM entries JOIN cells USING (cell_id)"
        " JOIN apps USING (app_id)",
    ) == [("../../imported", "(outside any cell)")]
    audit(store)
    shutil.rmtree(store.save_path / "block")
    for ours, _ in KINDS:
        loaded = loader(ours, store).load_cache(KEY)
        assert loaded is not None and loaded.defs == DEFS


def test_import_goes_on_where_it_was_and_removes_when_told(
    store: SqliteStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    leave_files(LazyLoader, store, **DEFS)
    main(["import", str(tmp_path)])
    leave_files(PickleLoader, store, **DEFS)
    capsys.readouterr()
    assert main(["import", str(store.save_path), "--remove"]) == 0
    assert "1 imported, 1 there already, the files of 2 removed." in (
        capsys.readouterr().out
    )
    assert files_in(store) == {}
    assert rows(store, "SELECT count(*) FROM entries") == [(2,)]
    audit(store)


@pytest.mark.parametrize(
    ("stock", "file"),
    [
        (LazyLoader, "P_abc.jsonl"),
        (LazyLoader, "abc/text.pickle"),
        (PickleLoader, "P_abc.pickle"),
        (JsonLoader, "P_abc.json"),
    ],
)
def test_import_leaves_what_is_damaged(
    stock: type[LazyLoader],
    file: str,
    store: SqliteStore,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if file.startswith("abc/"):
        # Unsigned, a wrong blob that is there is found only by who restores it.
        leave_files(stock, store, x=list(range(100)), text=b"words")
        (store.save_path / "block" / file).unlink()
    else:
        leave_files(stock, store, **DEFS)
        cut(store.save_path / "block" / file)
    files = files_in(store)
    assert main(["import", str(tmp_path), "--remove"]) == 0
    said = capsys.readouterr()
    assert "0 imported, 0 there already, 1 damaged" in said.out
    assert "Damaged: block/P_abc." in said.err
    assert files_in(store) == files
    assert not store.database.path.exists() or stored(store) == {}


def test_import_stops_where_nothing_can_be_written(
    store: SqliteStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    leave_files(LazyLoader, store, **DEFS)
    files = files_in(store)

    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(blobs, "prepare", full_disk)
        assert main(["import", str(tmp_path), "--remove"]) == 1
    said = capsys.readouterr()
    assert "Nothing more can be written" in said.err and "Damaged" not in said.err
    assert files_in(store) == files
    # And goes on when there is room again.
    assert main(["import", str(tmp_path)]) == 0
    assert stored(store) == files


def test_import_does_not_bring_back_what_was_cleared(
    store: SqliteStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    leave_files(PickleLoader, store, x=1)
    main(["import", str(tmp_path)])
    with store.database.writing() as connection:
        connection.execute("DELETE FROM entries")
        connection.execute("UPDATE cells SET cleared_at = ?", (time.time(),))
    capsys.readouterr()
    main(["import", str(tmp_path)])
    assert "0 imported, 0 there already, 1 cleared before" in capsys.readouterr().out
    assert rows(store, "SELECT count(*) FROM entries") == [(0,)]
