"""Notebooks whose results SQLite has no name for."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from marimo_cellar import SqliteStore
from marimo_cellar.database.naming import nameless
from tests.conftest import Write, ran
from tests.kernels import cache_of, export

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere paths are text, or have other limits"
)


def why(notebook: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "marimo_cellar", "why", str(notebook)],
        env=env,
        cwd=notebook.parent,
        capture_output=True,
        text=True,
        timeout=60,
    )


def folder_of(length: int, root: Path) -> Path:
    """A folder whose database's path has so many bytes."""
    left = length - len(os.fsencode(root / "cache.db"))
    names = []
    while left > 100:
        names.append("d" * 60)
        left -= 61
    return root.joinpath(*names, "e" * (left - 1))


def test_the_longest_path_that_sqlite_opens(tmp_path: Path) -> None:
    long, too_long = folder_of(504, tmp_path), folder_of(505, tmp_path)
    assert nameless(long, None) is None
    store = SqliteStore(str(long))
    assert store.put("f/P_a.pickle", b"kept") and store.get("f/P_a.pickle") == b"kept"
    too_long.mkdir(parents=True)
    with pytest.raises(sqlite3.OperationalError):
        sqlite3.connect(too_long / "cache.db").execute("CREATE TABLE t (x)")
    assert "too long" in (nameless(too_long, None) or "")
    # SQLite resolves links.
    (tmp_path / "link").symlink_to(too_long)
    assert "too long" in (nameless(tmp_path / "link", None) or "")


def test_a_folder_with_too_long_a_path_is_cached_by_marimo(
    write: Write, env: dict[str, str], tmp_path: Path
) -> None:
    notebook = write("nb.py", folder=folder_of(520, tmp_path), a="ran('a')\nx = [1]")
    first = export(notebook, env)
    assert len(first.warned) == 1 and "too long" in first.warned[0]
    assert ran(notebook) == ["a"]
    assert len(export(notebook, env).warned) == 1
    assert ran(notebook) == []
    assert not (cache_of(notebook) / "cache.db").exists()
    told = why(notebook, env)
    assert told.returncode == 1 and "too long" in told.stderr


def test_a_name_that_is_not_utf_8(
    write: Write, env: dict[str, str], tmp_path: Path
) -> None:
    text = write("nb.py", a="ran('a')\nx = [1]")
    notebook = Path(os.fsdecode(os.fsencode(text.parent) + b"/caf\xe9.py"))
    text.rename(notebook)
    # marimo runs it, and then cannot write what it exports.
    run = export(notebook, env)
    assert ran(notebook) == ["a"]
    assert len(run.warned) == 1 and r"caf\udce9.py has a name" in run.warned[0]
    assert "marimo_cellar" not in run.printed
    told = why(notebook, env)
    assert told.returncode == 1
    assert told.stderr.startswith(
        "python -m marimo_cellar: Nothing of it can be cached"
    )
