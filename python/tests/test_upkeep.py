"""The clean-up that nobody asks for, after a run."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import pytest

from marimo_cellar import upkeep
from marimo_cellar.checking.checking import audit
from marimo_cellar.cleaning import pruning
from marimo_cellar.cleaning.evicting import Cleaning
from marimo_cellar.database.apps import app_path
from marimo_cellar.database.database import Database, database_in
from marimo_cellar.entries.cells import app_row
from tests import kernels
from tests.conftest import Write
from tests.equal_worth import database, fill, left

__all__ = ["database"]

DAY = 24 * 3600.0


@pytest.fixture
def notebook(database: Database, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A notebook of a project that has room for 1 MB, and 4 MB in its cache."""
    folder = database.folder.parent.parent
    folder.joinpath("pyproject.toml").parent.mkdir(exist_ok=True)
    folder.joinpath("pyproject.toml").write_text('[tool.cellar]\nbudget = "1MB"\n')
    fill(database, 40)
    monkeypatch.setattr(upkeep, "_offset", None)
    monkeypatch.setattr(upkeep, "_set_at", float("-inf"))
    return folder / "notebook.py"


def test_after_a_run_the_cache_is_within_its_budget(
    database: Database, notebook: Path
) -> None:
    upkeep._look_after(database, notebook)
    assert 5 <= len(left(database)) <= 10
    assert audit(database, grace=0) == []


def test_while_something_was_used_later_than_now_nothing_goes(
    database: Database, notebook: Path
) -> None:
    with database.writing() as connection:
        connection.execute(
            "UPDATE entries SET last_hit_at = ? WHERE hash = '7'", (time.time() + DAY,)
        )
    upkeep._look_after(database, notebook)
    assert len(left(database)) == 40


def test_a_clock_that_was_ahead_once_stops_no_clean_up_for_good(
    database: Database, notebook: Path
) -> None:
    now = time.time()
    look_up = (
        "INSERT INTO lookups (cell_id, cache_name, hash, outcome, at)"
        " SELECT min(cell_id), 'block', '7', 'hit', ? FROM cells"
    )
    with database.writing() as connection:
        connection.execute(
            "UPDATE entries SET created_at = ?1, last_hit_at = ?1 WHERE hash = '7'",
            (now + 400 * DAY,),
        )
        connection.execute("UPDATE apps SET last_seen_at = ?", (now + 400 * DAY,))
        for at in (now + 400 * DAY, now - 3700, now - 3000):
            connection.execute(look_up, (at,))
    # Too little was looked up since to tell which clock was wrong.
    upkeep._look_after(database, notebook)
    assert len(left(database)) == 40
    with database.writing() as connection:
        connection.execute(look_up, (now,))
    upkeep._look_after(database, notebook)
    assert 5 <= len(left(database)) <= 10
    with database.reading() as connection:
        assert connection is not None
        (latest,) = connection.execute(
            "SELECT max((SELECT max(max(created_at, coalesce(last_hit_at, 0)))"
            " FROM entries), (SELECT max(last_seen_at) FROM apps),"
            " (SELECT max(at) FROM lookups))"
        ).fetchone()
    assert latest <= now
    assert audit(database, grace=0) == []


def test_for_an_hour_after_the_clock_was_set_nothing_goes(
    database: Database, notebook: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steady = upkeep._steady_clock()
    upkeep._was_set(time.time() - DAY, steady - 60)
    upkeep._look_after(database, notebook)
    assert len(left(database)) == 40
    monkeypatch.setattr(upkeep, "_steady_clock", lambda: steady + 3700)
    now = time.time() + 3700
    monkeypatch.setattr("time.time", lambda: now)
    upkeep._look_after(database, notebook)
    assert len(left(database)) <= 10


def test_what_is_kept_for_its_worth_is_not_looked_at_again_and_again(
    database: Database, notebook: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.writing() as connection:
        connection.execute("UPDATE entries SET node = randomblob(32), runtime = 100")
        connection.execute("UPDATE usage SET size = 0")
    looks: list[int | None] = []
    real = pruning.prune

    def prune(*given: Any, **options: Any) -> pruning.Outcome:
        looks.append(given[2])
        return real(*given, **options)

    monkeypatch.setattr("marimo_cellar.cleaning.pruning.prune", prune)
    for _ in range(3):
        upkeep._look_after(database, None)
    assert len(looks) == 1
    assert len(left(database)) == 40


@pytest.mark.parametrize(
    ("entries", "looks", "due"),
    [
        # A cache that was begun just now; one of yesterday, that nobody looked through,
        # that a run of another notebook did, too long ago, or by a clock that was ahead.
        (0.0, None, False),
        (-DAY, None, True),
        (-DAY, -60.0, False),
        (-DAY, -3700.0, True),
        (-DAY, DAY, True),
        (DAY, None, True),
    ],
)
def test_a_cache_is_looked_through_once_an_hour_whoever_does_it(
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    entries: float,
    looks: float | None,
    due: bool,
) -> None:
    fill(database, 3)
    now = time.time()
    with database.writing() as connection:
        connection.execute("UPDATE entries SET created_at = ?", (now + entries,))
        other = app_row(connection, "../../other.py", now)
        if looks is not None:
            connection.execute(
                "INSERT INTO looks VALUES (?, ?, 0)", (other, now + looks)
            )
    found: list[object] = []

    def prune(*given: object, **_: object) -> pruning.Outcome:
        found.append(given)
        return pruning.Outcome(Cleaning("kernel", now))

    monkeypatch.setattr("marimo_cellar.cleaning.pruning.prune", prune)
    monkeypatch.setattr("marimo_cellar.database.clocks.is_behind", lambda *_: False)
    for _ in range(2):
        upkeep._look_after(database, None)
    assert len(found) == due


def test_a_large_cache_is_cleaned_up_though_its_kernel_ends_with_the_run(
    write: Write, env: dict[str, str]
) -> None:
    notebook = write("exported.py", one="one = 1")
    notebook.with_name("pyproject.toml").write_text('[tool.cellar]\nbudget = "1MB"\n')
    kernels.export(notebook, env)
    database = database_in(kernels.cache_of(notebook))
    with database.writing() as connection:
        connection.execute(
            "INSERT INTO entries"
            " (cell_id, cache_name, cache_type, hash, loader, created_at)"
            " WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n"
            " WHERE i < 12000)"
            " SELECT cell_id, 'block', 'P', i, 'pickle', ? - i FROM n,"
            " (SELECT min(cell_id) AS cell_id FROM cells)",
            (time.time() - DAY,),
        )
    database.close()
    assert kernels.export(notebook, env).warned == []
    until = time.monotonic() + 60
    while len(left(database)) > 500:
        assert time.monotonic() < until
        time.sleep(0.2)
    # It has ended once it says that all was looked through.
    looked = "SELECT count(*) FROM looks"
    while kernels.query(notebook, looked) == [(0,)]:
        assert time.monotonic() < until
        time.sleep(0.2)
    assert kernels.query(notebook, "SELECT size <= 1000000 FROM usage") == [(1,)]


def test_a_process_is_begun_once_for_a_large_cache(
    database: Database, notebook: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[Any] = []
    monkeypatch.setattr(upkeep, "_AT_ONCE", 10)
    monkeypatch.setattr(upkeep, "_apart", set())
    monkeypatch.setattr("subprocess.Popen", lambda *given, **_: begun.append(given[0]))
    upkeep._look_after(database, notebook)
    assert len(left(database)) == 40
    assert begun[0][-2:] == [str(database.folder), str(notebook)]
    upkeep._look_after(database, notebook)
    assert len(begun) == 1
    assert len(left(database)) <= 10


def test_where_no_process_can_be_begun_it_is_done_here(
    database: Database, notebook: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "_AT_ONCE", 10)
    monkeypatch.setattr(upkeep, "_apart", set())
    monkeypatch.setattr(sys, "executable", str(notebook / "nothing"))
    upkeep._look_after(database, notebook)
    assert len(left(database)) <= 10


class _Kernel:
    """What a session is to the upkeep."""

    def __init__(self, path: Path) -> None:
        self.path = path


def test_the_end_of_a_kernel_begins_no_cache(database: Database) -> None:
    kernel: Any = _Kernel(database.folder.parent.parent / "notebook.py")
    upkeep._work(database, kernel)
    upkeep.close(kernel)
    assert not database.path.exists()


def test_a_notebook_is_open_until_the_last_of_its_kernels_in_a_process_ends(
    database: Database, notebook: Path
) -> None:
    other = notebook.with_name("other.py")
    with database.writing() as connection:
        for path in (notebook, other):
            app_row(connection, app_path(database.folder, path), time.time())
    sessions: list[Any] = [_Kernel(path) for path in (notebook, notebook, other)]

    def opened() -> list[str]:
        with database.reading() as connection:
            assert connection is not None
            rows = connection.execute(
                "SELECT path FROM openings JOIN apps USING (app_id)"
            )
            return sorted(Path(path).name for (path,) in rows)

    for one in sessions:
        upkeep._work(database, one)
    assert opened() == ["notebook.py", "other.py"]
    still: list[list[str]] = [["notebook.py", "other.py"], ["other.py"], []]
    for one, expected in zip(sessions, still, strict=True):
        upkeep.close(one)
        assert opened() == expected


def test_a_kernel_says_once_that_a_budget_is_none(
    database: Database, notebook: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (notebook.parent / "pyproject.toml").write_text("[tool.cellar]\nbudget = 'lots'\n")
    for _ in range(2):
        upkeep._look_after(database, notebook)
    assert [
        record.getMessage() for record in caplog.records if "lots" in record.message
    ] == [
        f"Cellar: budget in {notebook.parent / 'pyproject.toml'} is 'lots', which is not a "
        'size such as "2 GB".'
    ]
