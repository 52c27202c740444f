"""`python -m marimo_cellar export`: the files of a cache as marimo would have them."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from marimo_cellar import SqliteStore
from marimo_cellar.__main__ import main
from marimo_cellar._marimo import FileStore
from tests.test_importing import store
from tests.test_store import rows
from tests.test_takeover import DEFS, KINDS, files_in, leave_files, own_signing_key

__all__ = ["own_signing_key", "store"]


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
    # What the folder links to, as a stranger's may, is written to as little.
    (tmp_path / "linked").mkdir()
    (store.save_path / "linked").symlink_to(tmp_path / "linked")
    (store.save_path / "file").write_text("in the way")
    store.put("linked/authorized_keys", b"x")
    store.put("file/x.bin", b"x")
    files = FileStore(str(store.save_path))
    files.put("n/P_2.pickle", b"newer")
    later = time.time() - 1
    with store.database.writing() as connection:
        connection.execute("UPDATE entries SET created_at = ?", (later,))
    assert main(["export", str(store.save_path), "--database", str(tmp_path)]) == 0
    assert "3 exported, 1 left out for newer files, 3 damaged" in (
        capsys.readouterr().out
    )
    for key in ("no_folder", "any/depth/of/key.bin", "n/P_1.pickle"):
        assert files.get(key) == key.encode()
    assert files.get("n/P_2.pickle") == b"newer"
    assert not (store.save_path.parent / "outside.bin").exists()
    assert list((tmp_path / "linked").iterdir()) == []
