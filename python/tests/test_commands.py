"""`python -m marimo_cellar import` and `export`, and life after Cellar."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from marimo_cellar import SqliteLoader, SqliteStore, blobs
from marimo_cellar.__main__ import main
from marimo_cellar._marimo import FileStore, JsonLoader, LazyLoader, PickleLoader
from marimo_cellar.commands import importing
from marimo_cellar.commands.caches import cache_of as cache_for
from marimo_cellar.loader import SqliteJsonLoader, SqlitePickleLoader
from tests.conftest import Write, ran
from tests.kernels import cache_of, change, export, query, rows_in
from tests.test_store import KEY, audit, loader, rows, saved
from tests.test_switching import chain
from tests.test_takeover import (
    DEFS,
    KINDS,
    cut,
    files_in,
    leave_files,
    own_signing_key,
    stored,
)

__all__ = ["chain", "own_signing_key"]

IMPORTS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "test" / "fixtures" / "imports.json").read_text()
)


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    """In marimo's place for a folder's notebooks."""
    return SqliteStore(str(tmp_path / "__marimo__" / "cache"))


def cellar(env: dict[str, str], *arguments: str | Path) -> str:
    """What the command says on standard output."""
    done = subprocess.run(
        [sys.executable, "-m", "marimo_cellar", *map(str, arguments)],
        env=env,
        cwd=env["HOME"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# Import


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


def test_a_path_that_is_not_there_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import", str(tmp_path / "none.py")]) == 1
    assert "There is no" in capsys.readouterr().err
    assert main(["export", str(tmp_path), "--database", str(tmp_path)]) == 1
    assert "There is no" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


# Export


def test_export_writes_the_files_that_were_imported(
    store: SqliteStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _, stock in KINDS:
        leave_files(stock, store, **DEFS)
    files = files_in(store)
    main(["import", str(tmp_path), "--remove"])
    there = tmp_path / "there"
    arguments = ["--database", str(store.database.path)]
    assert main(["export", str(there), *arguments]) == 0
    assert "3 exported." in capsys.readouterr().out
    assert files_in(SqliteStore(str(there))) == files
    (made_at,) = {
        row[0]
        for row in rows(store, "SELECT created_at FROM entries WHERE loader = 'pickle'")
    }
    assert os.stat(there / "block" / "P_abc.pickle").st_mtime == pytest.approx(made_at)


def test_export_writes_any_key_and_leaves_newer_files(
    store: SqliteStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for key in ("no_folder", "any/depth/of/key.bin", "n/P_1.pickle", "n/P_2.pickle"):
        store.put(key, key.encode())
    store.put("../outside.bin", b"x")
    files = FileStore(str(store.save_path))
    files.put("n/P_2.pickle", b"newer")
    later = time.time() - 1
    with store.database.writing() as connection:
        connection.execute("UPDATE entries SET created_at = ?", (later,))
    assert main(["export", str(store.save_path), "--database", str(tmp_path)]) == 0
    assert "3 exported, 1 left out for newer files, 1 damaged" in (
        capsys.readouterr().out
    )
    for key in ("no_folder", "any/depth/of/key.bin", "n/P_1.pickle"):
        assert files.get(key) == key.encode()
    assert files.get("n/P_2.pickle") == b"newer"
    assert not (store.save_path.parent / "outside.bin").exists()


# Whole notebooks


def test_what_was_imported_becomes_the_cells_own(
    chain: Path, env: dict[str, str], plain_env: dict[str, str]
) -> None:
    export(chain, plain_env)
    ran(chain)
    assert "4 imported" in cellar(env, "import", chain, "--remove")
    assert not any((cache_of(chain) / "cell_cache").rglob("*.*"))
    names = "SELECT cells.name FROM entries JOIN cells USING (cell_id)"
    assert set(query(chain, names)) == {("(outside any cell)",)}
    export(chain, env)
    assert ran(chain) == []
    assert sorted(query(chain, names), key=str) == [
        ("data",),
        ("total",),
        (None,),
        (None,),
    ]


def test_marimo_without_cellar_works_on_and_hits_after_an_export(
    chain: Path, env: dict[str, str], plain_env: dict[str, str]
) -> None:
    first = export(chain, env)
    ran(chain)
    # Uninstalled: it computes again, beside the database that it does not know.
    assert export(chain, plain_env).outputs == first.outputs
    assert ran(chain) == ["data", "total", "text"]
    shutil.rmtree(cache_of(chain) / "cell_cache")
    said = cellar(env, "export", cache_of(chain), "--database", chain)
    assert "4 exported." in said
    assert export(chain, plain_env).outputs == first.outputs
    assert ran(chain) == []


def test_files_are_found_beside_the_notebook_wherever_the_database_is(
    chain: Path, env: dict[str, str], plain_env: dict[str, str], tmp_path: Path
) -> None:
    env = env | {"CELLAR_PATH": str(tmp_path / "elsewhere")}
    export(chain, plain_env)
    ran(chain)
    export(chain, env)
    assert ran(chain) == []
    (tmp_path / "elsewhere" / "cache.db").unlink()
    assert "4 imported" in cellar(env, "import", chain, "--remove")
    export(chain, env)
    assert ran(chain) == []
    assert "4 exported." in cellar(
        env, "export", cache_of(chain), "--database", chain.parent
    )
    assert not (cache_of(chain) / "cache.db").exists()
    export(chain, plain_env)
    assert ran(chain) == []


def test_a_cleared_result_does_not_come_back_by_an_import(
    chain: Path, env: dict[str, str], plain_env: dict[str, str]
) -> None:
    export(chain, plain_env)
    export(chain, env)
    which = "(SELECT cell_id FROM cells WHERE name = 'total')"
    change(chain, f"DELETE FROM entries WHERE cell_id IN {which}")
    change(
        chain,
        f"UPDATE cells SET cleared_at = ? WHERE cell_id IN {which}",
        time.time(),
    )
    ran(chain)
    cellar(env, "import", chain.parent)
    export(chain, env)
    assert ran(chain) == ["total"]


def test_clearing_a_cache_clears_what_was_imported_of_it(
    write: Write, env: dict[str, str], plain_env: dict[str, str]
) -> None:
    def notebook(after: str) -> Path:
        return write(
            "functions.py",
            cached=False,
            twice="""
                @mo.persistent_cache
                def twice(x):
                    ran("twice")
                    return x * 2
            """,
            triple="""
                @mo.persistent_cache
                def triple(x):
                    ran("triple")
                    return x * 3
            """,
            calls=f"{after}\nshown = twice(2) + triple(2); shown",
        )

    export(notebook("pass"), plain_env)
    ran(notebook("pass"))
    cellar(env, "import", notebook("pass"), "--remove")
    export(notebook("twice.cache_clear()"), env)
    assert ran(notebook("pass")) == ["twice"]


@pytest.mark.parametrize("arguments", [[], ["import", "--help"], ["export", "--help"]])
def test_the_commands_say_how_they_are_used(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    said = capsys.readouterr()
    assert "marimo_cellar" in said.out + said.err


# Check


def test_check_says_that_nothing_is_wrong(
    store: SqliteStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store.put("block/P_abc.pickle", b"x" * 100_000)
    assert main(["check", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "nothing is wrong" in said and "1 entries, 0.1 MB" in said


def test_check_finds_and_repair_puts_right(
    store: SqliteStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(3):
        store.put(f"block/P_{number}.pickle", bytes([number]) * 100_000)
    spoilt, gone, _ = sorted(store.database.blobs.glob("*/*"))
    spoilt.write_bytes(bytes(100_000)[:-1] + b"x")
    gone.unlink()
    assert main(["check", str(tmp_path)]) == 1
    said = capsys.readouterr().out
    assert "2 problems" in said and "wrong-bytes" in said and "missing-file" in said
    assert main(["check", str(tmp_path), "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert [one["kind"] for one in report["problems"]] == [
        one["kind"] for one in report["left"]
    ]
    assert main(["check", str(store.database.path), "--repair"]) == 0
    said = capsys.readouterr().out
    assert "Marked 1 value as damaged" in said and "Removed 1 entry" in said
    assert "After it: nothing is wrong" in said and "1 damaged values" in said
    # What was set aside is kept.
    assert spoilt.exists()
    assert main(["check", str(tmp_path)]) == 0


def test_a_check_alone_leaves_a_damaged_database_where_it_is(
    store: SqliteStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store.put("block/P_abc.pickle", b"x")
    store.database.close()
    path = store.database.path
    path.write_bytes(b"not a database at all" * 1000)
    assert main(["check", str(tmp_path)]) == 1
    assert "unreadable" in capsys.readouterr().out
    assert path.read_bytes().startswith(b"not a database")
    assert main(["check", str(tmp_path), "--repair"]) == 0
    said = capsys.readouterr().out
    (aside,) = path.parent.glob("cache.db.damaged-*")
    assert f"set aside as {aside}" in said


def test_check_counts_entries_of_another_cache_format_as_obsolete(
    store: SqliteStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(2):
        store.put(f"block/P_{number}.pickle", b"x")
    with store.database.writing() as connection:
        connection.execute(
            "UPDATE entries SET versions = '{\"cache\": 1}' WHERE entry_id = 1"
        )
    main(["check", str(tmp_path)])
    assert "1 entries are obsolete" in capsys.readouterr().out


def test_what_one_loader_saved_another_setting_leaves_and_saves_its_own(
    store: SqliteStore,
) -> None:
    """A changed setting: its own kind is saved, and the old kind loads again."""
    for kind in (SqlitePickleLoader, SqliteLoader, SqliteJsonLoader):
        assert loader(kind, store).load_cache(KEY) is None
        saved(loader(kind, store), x=[1, 2])
    for kind in (SqliteJsonLoader, SqliteLoader, SqlitePickleLoader):
        found = loader(kind, store).load_cache(KEY)
        assert found is not None and found.defs == {"x": [1, 2]}
    assert rows(store, "SELECT loader FROM entries ORDER BY entry_id") == [
        ("pickle",),
        ("lazy",),
        ("json",),
    ]
