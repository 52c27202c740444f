"""Older formats and newer ones: brought up to date, or left alone, and never half."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from textwrap import dedent

import pytest

from marimo_cellar import SqliteStore
from marimo_cellar.checking.checking import audit
from marimo_cellar.database import schema
from tests.kernels import PACKAGE
from tests.make_fixtures import FIXTURES

MINOR = """
CREATE TABLE added_later (hash TEXT PRIMARY KEY, cost REAL) WITHOUT ROWID;
CREATE INDEX added_later_by_cost ON added_later (cost);
"""
MAJOR = """
CREATE TABLE thinner (app_id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE);
INSERT INTO thinner SELECT app_id, path FROM apps;
DROP TABLE apps;
ALTER TABLE thinner RENAME TO apps;
"""


def rows(path: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


ENTRIES = "SELECT * FROM entries ORDER BY entry_id"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A cache of format 1.0, as it was landed."""
    folder = tmp_path / "__marimo__" / "cache"
    shutil.copytree(FIXTURES / "1.0" / "cache", folder)
    return folder


@pytest.fixture
def newer(tmp_path: Path) -> Callable[[int, str], Path]:
    """Makes the package as it will be once a format of this number is landed."""

    def make(version: int, script: str) -> Path:
        package = tmp_path / "newer" / "marimo_cellar"
        shutil.copytree(PACKAGE / "marimo_cellar", package)
        (package / "migrations" / f"{version}.sql").write_text(script)
        return package.parent

    return make


def run(package: Path, folder: Path, code: str, code_expected: int = 0) -> str:
    """What a process of that package prints, with `database` at hand."""
    program = (
        f"import os, sqlite3\nfrom pathlib import Path\n"
        f"from marimo_cellar.database import migrating, schema\n"
        f"from marimo_cellar.database.database import Unavailable, database_in\n"
        f"database = database_in(Path({str(folder)!r}))\n{dedent(code)}"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": str(package)},
        cwd=package,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == code_expected, done.stderr
    return done.stdout + done.stderr


OPEN = """
with database.writing() as connection:
    print(connection.execute("PRAGMA user_version").fetchone()[0])
    print(schema.objects(connection) == schema.expected_objects())
"""


def test_the_scripts_lead_to_the_schema_object_by_object() -> None:
    with (
        closing(sqlite3.connect(":memory:")) as new,
        closing(sqlite3.connect(":memory:")) as old,
    ):
        schema.lay_out(new)
        for script in schema.migrations().values():
            schema.run(old, script)
        # In the same order too: by it, salvage knows a tree whose text is damaged.
        assert list(schema.objects(new).items()) == list(schema.objects(old).items())


def test_every_landed_format_has_its_fixture() -> None:
    for version in schema.migrations():
        cache = FIXTURES / schema.told(version) / "cache" / "cache.db"
        assert rows(cache, "PRAGMA user_version") == [(version,)]


def test_minor_formats_only_add() -> None:
    for version, script in schema.migrations().items():
        if version % 1000:
            for statement in schema.statements(script):
                lines = [
                    line for line in statement.splitlines() if not line.startswith("--")
                ]
                assert " ".join(lines).split()[0] == "CREATE", statement


def test_a_minor_format_is_taken_on_and_the_older_package_goes_on(
    folder: Path, newer: Callable[[int, str], Path]
) -> None:
    before = rows(folder / "cache.db", ENTRIES)
    package = newer(schema.VERSION + 1, MINOR)
    said = run(package, folder, OPEN)
    assert said.split() == [str(schema.VERSION + 1), "True"]
    assert rows(folder / "cache.db", ENTRIES) == before
    assert list(folder.glob("*before*")) == []
    # This package now, with the newer file.
    store = SqliteStore(str(folder))
    assert store.put("block/P_new.pickle", b"new" * 50_000)
    assert store.get("block/P_new.pickle") == b"new" * 50_000
    assert audit(store.database, grace=0) == []
    store.database.close()
    # And the newer one again, with what this one wrote.
    run(package, folder, OPEN)


def test_a_major_format_is_taken_on_and_the_older_package_leaves_it(
    folder: Path, newer: Callable[[int, str], Path], caplog: pytest.LogCaptureFixture
) -> None:
    before = rows(folder / "cache.db", ENTRIES)
    package = newer(2000, MAJOR)
    assert run(package, folder, OPEN).split() == ["2000", "True"]
    path = folder / "cache.db"
    assert rows(path, ENTRIES) == before
    assert rows(path, "PRAGMA foreign_key_check") == []
    content = path.read_bytes()
    store = SqliteStore(str(folder))
    assert not store.put("block/P_new.pickle", b"new")
    assert path.read_bytes() == content
    (said,) = [
        one.getMessage() for one in caplog.records if one.name.endswith("cellar")
    ]
    assert "format 2.0" in said and schema.told(schema.VERSION) in said


def test_a_process_killed_while_it_migrates_leaves_all_as_it_was(
    folder: Path, newer: Callable[[int, str], Path]
) -> None:
    before = rows(folder / "cache.db", ENTRIES)
    package = newer(2000, MAJOR)
    die = "migrating._check = lambda connection: os._exit(9)\n"
    run(package, folder, die + OPEN, 9)
    # The copy is whole, should the database not be.
    (copy,) = folder.glob("*before*")
    assert rows(copy, ENTRIES) == rows(folder / "cache.db", ENTRIES) == before
    assert rows(copy, "PRAGMA integrity_check") == [("ok",)]
    assert rows(folder / "cache.db", "PRAGMA user_version") == [(1000,)]
    assert run(package, folder, OPEN).split() == ["2000", "True"]
    assert list(folder.glob("*before*")) == []


@pytest.mark.parametrize(
    "script",
    ["CREATE TABLE apps (x);", "DROP TABLE apps;", "DELETE FROM cells; nonsense;"],
)
def test_a_script_that_fails_changes_nothing(
    script: str, folder: Path, newer: Callable[[int, str], Path]
) -> None:
    before = (folder / "cache.db").read_bytes()
    package = newer(2000, script)
    said = run(
        package,
        folder,
        """
        for _ in range(2):
            try:
                with database.writing():
                    print("written")
            except Unavailable:
                print("unavailable")
        """,
    )
    assert said.count("unavailable") == 2 and "written" not in said
    assert said.count("could not be brought up to date") == 1
    assert (folder / "cache.db").read_bytes() == before
    assert list(folder.glob("*before*")) == []


def test_of_many_processes_one_migrates(
    folder: Path, newer: Callable[[int, str], Path]
) -> None:
    package = newer(2000, MAJOR)
    program = (
        "import sys; from pathlib import Path\n"
        "from marimo_cellar.database.database import database_in\n"
        f"database = database_in(Path({str(folder)!r}))\n"
        "with database.writing() as connection:\n"
        "    assert connection.execute('PRAGMA user_version').fetchone() == (2000,)"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", program],
            env=os.environ | {"PYTHONPATH": str(package)},
            cwd=package,
        )
        for _ in range(4)
    ]
    assert [process.wait(timeout=120) for process in started] == [0] * 4
    assert rows(folder / "cache.db", "PRAGMA integrity_check") == [("ok",)]


def test_the_schemas_words_are_those_that_sqlite_keeps() -> None:
    assert schema.worded() == schema.expected_objects()
