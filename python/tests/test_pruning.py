"""The clean-up as it is carried out, on real files and in real kernels."""

from __future__ import annotations

import json
import shutil
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from marimo_cellar import opening, pruning, retention, upkeep
from marimo_cellar.__main__ import main
from marimo_cellar.checking import audit
from marimo_cellar.cleaner import Cleaner
from marimo_cellar.contents import load
from marimo_cellar.database import Database, database_in
from marimo_cellar.entries import EntryKey, Owner, candidates
from marimo_cellar.roll import Roll
from marimo_cellar.store import SqliteStore
from tests import kernels
from tests.conftest import Write, ran
from tests.servers import serve

DAY = 24 * 3600.0


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return database_in(tmp_path / "__marimo__" / "cache")


def fill(database: Database, count: int, size: int = 100_000) -> None:
    """Entries of equal worth but for their age, the first one the oldest."""
    store = SqliteStore(str(database.folder))
    for number in range(count):
        data = number.to_bytes(4, "big") * (size // 4)
        assert store.put(f"block/P_{number}.pickle", data)
    with database.writing() as connection:
        connection.execute(
            "UPDATE entries SET runtime = 0.01, created_at = created_at - 100 * ?"
            " + 100 * entry_id",
            (count + 1000,),
        )
        connection.execute("UPDATE totals SET runtime = 0.01 * ?", (count,))
        connection.execute("UPDATE apps SET last_seen_at = 0")


def left(database: Database) -> list[str]:
    with database.reading() as connection:
        assert connection is not None
        rows = connection.execute("SELECT hash FROM entries ORDER BY entry_id")
        return [row[0] for row in rows]


def prune(database: Database, budget: int | None, **options: Any) -> pruning.Outcome:
    options.setdefault("now", time.time())
    return pruning.prune(database, None, budget, "command", **options)


def test_a_clean_up_frees_what_was_planned_and_keeps_to_the_budget(
    database: Database,
) -> None:
    fill(database, 40)
    budget = 2_000_000
    planned = pruning.plan(database, budget, time.time())
    outcome = pruning.prune(database, planned, budget, "command", time.time())
    assert outcome.cleaning.size == planned.size
    assert outcome.cleaning.entries == len(planned.evictions)
    with database.reading() as connection:
        assert connection is not None
        used = retention.used(connection)
        assert connection.execute("PRAGMA freelist_count").fetchone() == (0,)
        assert connection.execute(
            "SELECT actor, entries, size FROM cleanings"
        ).fetchall() == [("command", len(planned.evictions), planned.size)]
    assert planned.used - planned.size == used <= budget
    # The files went too, and nothing that is left lost one.
    on_disk = sum(file.stat().st_size for file in database.blobs.rglob("*.pickle"))
    assert used - budget < on_disk <= budget
    assert audit(database, grace=0) == []


def test_what_was_pinned_or_used_since_it_was_chosen_stays(
    database: Database,
) -> None:
    fill(database, 10)
    planned = pruning.plan(database, 0, time.time())
    assert len(planned.evictions) == 10
    with database.writing() as connection:
        connection.execute("UPDATE entries SET pinned = 1 WHERE hash = '3'")
        connection.execute(
            "UPDATE entries SET last_hit_at = ? WHERE hash = '5'", (time.time(),)
        )
    pruning.prune(database, planned, 0, "command", time.time())
    assert left(database) == ["3", "5"]
    assert audit(database, grace=0) == []


def test_one_cleaner_at_a_time_and_a_dead_one_is_waited_for(
    database: Database,
) -> None:
    fill(database, 4)
    now = time.time()
    with database.writing() as connection:
        connection.execute("INSERT INTO cleaners VALUES (1, 'other', ?, 0)", (now + 9,))
    assert prune(database, 0, now=now).busy
    assert len(left(database)) == 4
    assert not prune(database, 0, now=now + 10).busy
    assert left(database) == []


@pytest.mark.parametrize("failing", [False, True], ids=["killed", "failed"])
def test_what_a_cleaner_that_was_cut_off_leaves_goes_with_the_next_one(
    database: Database, monkeypatch: pytest.MonkeyPatch, failing: bool
) -> None:
    fill(database, 20)
    now = time.time()
    prune(database, None, now=now)

    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        # After entries went, and before their values did.
        patch.setattr(pruning, "free", killed)
        if not failing:
            patch.setattr(Cleaner, "end", lambda _: None)
        with pytest.raises(Killed):
            prune(database, 1_000_000, now=now, whole=False)
    assert 0 < len(left(database)) < 20
    assert {problem.kind for problem in audit(database, grace=0)} != set()
    later = now + 100
    assert not prune(database, None, now=later, whole=False).busy
    assert audit(database, grace=0) == []
    assert len(left(database)) > 0


def test_it_stops_between_transactions_and_goes_on_later(database: Database) -> None:
    fill(database, 60)
    turns = iter([True] * 3)
    prune(database, 0, go_on=lambda: next(turns, False))
    between = left(database)
    assert 0 < len(between) < 60
    assert audit(database, grace=0) == []
    prune(database, 0)
    assert left(database) == []


def test_a_reader_that_is_about_to_load_meets_a_miss(database: Database) -> None:
    fill(database, 30)
    owner = Owner(Roll(None))
    keys = [EntryKey("block", "P", str(number), "pickle") for number in range(30)]
    faults: list[Exception] = []
    seen = set()
    over = threading.Event()

    def read() -> None:
        while not over.is_set():
            for key in keys:
                try:
                    for found in candidates(database, key, owner):
                        loaded = load(database, found)
                        seen.add(loaded.why is None)
                        for data in loaded.contents.values():
                            expected = int(key.hash).to_bytes(4, "big") * 25_000
                            assert bytes(data) == expected
                except Exception as error:
                    faults.append(error)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    prune(database, 0)
    over.set()
    for reader in readers:
        reader.join()
    assert faults == []
    assert left(database) == []


def test_what_was_evicted_and_computed_again_is_told(database: Database) -> None:
    fill(database, 3)
    store = SqliteStore(str(database.folder))
    now = time.time()
    prune(database, 150_000, now=now - 1)
    assert left(database) == ["2"]
    # The second would have stayed with its own size more, the first with both.
    for number in (1, 0):
        store.put(f"block/P_{number}.pickle", number.to_bytes(4, "big") * 25_000)
    with database.reading() as connection:
        assert connection is not None
        regrets = connection.execute("SELECT room FROM regrets").fetchall()
        assert connection.execute("SELECT count(*) FROM ghosts").fetchone() == (0,)
    size = 100_000 + 2048
    assert regrets == [(size,), (2 * size,)]


def test_an_evicted_entry_does_not_come_back_from_an_old_file(
    database: Database,
) -> None:
    from marimo_cellar import entries

    fill(database, 2)
    key = EntryKey("block", "P", "0", "pickle")
    owner = Owner(Roll(None))
    assert entries.files_hidden_until(database, key, owner) == float("-inf")
    now = time.time()
    prune(database, 0, now=now)
    assert entries.files_hidden_until(database, key, owner) == now
    other = EntryKey("block", "P", "7", "pickle")
    assert entries.files_hidden_until(database, other, owner) == float("-inf")


# By itself, after a run


@pytest.fixture
def notebook(database: Database, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A notebook of a project that has room for 1 MB, and 4 MB in its cache."""
    folder = database.folder.parent.parent
    folder.joinpath("pyproject.toml").parent.mkdir(exist_ok=True)
    folder.joinpath("pyproject.toml").write_text('[tool.cellar]\nbudget = "1MB"\n')
    fill(database, 40)
    for name in ("_looked_at", "_left"):
        monkeypatch.setattr(upkeep, name, {})
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

    monkeypatch.setattr("marimo_cellar.pruning.prune", prune)
    for _ in range(3):
        upkeep._look_after(database, None)
    assert len(looks) == 1
    assert len(left(database)) == 40


def test_the_end_of_a_kernel_begins_no_cache(database: Database) -> None:
    upkeep._open.add(database)
    upkeep.close_all()
    assert not database.path.exists()


def test_a_lease_of_a_clock_that_was_wrong_holds_nobody_up(database: Database) -> None:
    fill(database, 4)
    now = time.time()
    with database.writing() as connection:
        connection.execute(
            "INSERT INTO cleaners VALUES (1, 'other', ?, ?)", (now + DAY, now + DAY)
        )
        connection.execute("UPDATE usage SET size = -1")
    assert not prune(database, 0, now=now, whole=False).busy
    # Nor does the mark of the last look through all of it, which is due.
    assert audit(database, grace=0) == []


def test_the_command_says_what_would_go_and_then_removes_it(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(database, 30)
    database.close()
    path = str(database.path)
    assert main(["prune", path, "--budget", "1MB", "--dry-run", "--json"]) == 0
    planned = json.loads(capsys.readouterr().out)
    assert len(left(database)) == 30
    assert planned["done"] is None
    assert {entry["reason"] for entry in planned["entries"]} == {"room"}
    assert main(["prune", path, "--budget", "1MB", "--json"]) == 0
    done = json.loads(capsys.readouterr().out)["done"]
    assert done["freed"] == planned["frees"] == 30 * 102_048 - 9 * 102_048
    assert done["entries"] == len(planned["entries"]) == 21
    assert main(["prune", path, "--budget", "1MB"]) == 0
    assert "Nothing had to go." in capsys.readouterr().out


def test_the_command_says_what_it_would_cost_to_make_again(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(database, 4)
    with database.writing() as connection:
        connection.execute("INSERT INTO costs SELECT entry_id, 0.21, 0 FROM entries")
    database.close()
    path = str(database.path)
    assert main(["prune", path, "--budget", "250kB", "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert ", cost 0.21\n" in told
    assert "0.0 s to recompute and 0.42 to pay if all were wanted again." in told
    assert main(["prune", path, "--budget", "250kB", "--json"]) == 0
    done = json.loads(capsys.readouterr().out)
    assert done["amount"] == done["done"]["amount"] == pytest.approx(0.42)


def test_while_it_plans_it_stops_too(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(database, 4)
    monkeypatch.setattr(pruning, "_STEPS", 10)
    with pytest.raises(pruning.Stopped):
        pruning.plan(database, 0, time.time(), go_on=lambda: False)
    assert prune(database, 0, go_on=lambda: False).cleaning.entries == 0
    assert len(left(database)) == 4
    # And whoever uses the connection next is asked nothing.
    assert len(pruning.plan(database, 0, time.time()).evictions) == 4


# In a real kernel


def versions_of(notebook: Path) -> dict[str, int]:
    """How many results each named cell has that are not pinned."""
    return dict(
        kernels.query(
            notebook,
            "SELECT name, count(*) FROM entries JOIN cells USING (cell_id)"
            " WHERE NOT pinned AND name IS NOT NULL GROUP BY cell_id",
        )
    )


def test_thirty_runs_with_edits_keep_the_disk_flat(
    write: Write, env: dict[str, str], tmp_path: Path
) -> None:
    notebook = write(
        "edited.py",
        # So large that no run is dear enough for its size to be kept for that.
        data="data = bytes([0]) * 5_000_000",
        twice="twice = data + data; ran('twice')",
        still="still = 'never edited'; ran('still')",
    )
    log = tmp_path / "server.log"
    folder = kernels.cache_of(notebook)
    with (
        serve("edit", notebook, env=env, log=log) as server,
        server.client(notebook, "s_editor") as tab,
    ):
        data = tab.wait_for("kernel-ready")[-1]["data"]["cell_ids"][1]
        tab.post("kernel/instantiate", {"objectIds": [], "values": [], "autoRun": True})
        tab.wait_for("completed-run")

        def edit(value: int) -> None:
            code = f"data = bytes([{value}]) * 5_000_000"
            tab.post("kernel/run", {"cellIds": [data], "codes": [code]})
            tab.wait_for("completed-run")

        # An old version that somebody pins, and nobody would keep otherwise.
        kernels.change(notebook, "UPDATE entries SET pinned = 1")
        for value in range(1, 31):
            edit(value)
        # The last run's clean-up is on a thread.
        until = time.monotonic() + 120
        expected = {"data": 3, "twice": 3}
        while versions_of(notebook) != expected and time.monotonic() < until:
            time.sleep(0.2)
        assert versions_of(notebook) == expected
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        # Four versions of fifteen megabytes, and the log.
        assert size < 100_000_000
        ran(notebook)
        # Back to the pinned version, which still answers, as does yesterday's.
        edit(0)
        edit(29)
        assert ran(notebook) == []
        # One that went is made again, and known to have been there.
        edit(5)
        assert ran(notebook) == ["twice"]
    assert kernels.query(notebook, "SELECT count(*) FROM regrets") == [(2,)]
    database = database_in(folder)
    assert audit(database) == []


def test_an_older_cache_that_can_only_be_read_has_no_policy_and_says_so(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fixtures = Path(__file__).parents[2] / "test" / "fixtures" / "store"
    folder = tmp_path / "__marimo__" / "cache"
    shutil.copytree(fixtures / "1.0" / "cache", folder)
    monkeypatch.setattr(opening, "_is_writable", lambda _: False)
    assert main(["prune", "--dry-run", str(folder / "cache.db")]) == 1
    assert "is of an older format" in capsys.readouterr().err


def test_the_command_says_what_stays_over_the_budget_and_why(
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fill(database, 3)
    with database.writing() as connection:
        connection.execute("UPDATE entries SET pinned = 1 WHERE hash <> '0'")
    database.close()
    monkeypatch.chdir(database.folder.parents[1])
    for dry in (["--dry-run"], []):
        assert main(["prune", "--budget", "100kB", *dry]) == 0
        told = capsys.readouterr().out
        assert "104.1 kB more than the budget stay: pinned, or what a notebook" in told
    assert left(database) == ["1", "2"]


def test_the_command_calls_notebooks_as_they_are_called_where_it_runs(
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fill(database, 1)
    here = database.folder.parents[1]
    for path, said in (
        ("../../nb.py", "  nb.py: "),
        ("../../../nb.py", f"  {here.parent / 'nb.py'}: "),
        ("../../imported", "  imported from files of marimo: "),
    ):
        with database.writing() as connection:
            connection.execute("UPDATE apps SET path = ?", (path,))
        database.close()
        monkeypatch.chdir(here)
        assert main(["prune", "--budget", "0", "--dry-run"]) == 0
        assert said in capsys.readouterr().out


def test_the_command_says_that_nothing_of_a_read_only_cache_goes(
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fill(database, 1)
    database.close()
    monkeypatch.setattr(opening, "_is_writable", lambda _: False)
    command = ["prune", str(database.path), "--budget", "0"]
    assert main([*command, "--dry-run"]) == 0
    assert "It would free" in capsys.readouterr().out
    assert main(command) == 1
    assert f"{database.path} can only be read here" in capsys.readouterr().err
    assert left(database) == ["0"]


def test_the_command_warns_of_a_budget_that_is_none(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(database, 1)
    project = database.folder.parents[1] / "pyproject.toml"
    project.write_text("[tool.cellar]\nbudget = '5 GiB'\n")
    assert main(["prune", str(project.parent), "--dry-run"]) == 0
    said = capsys.readouterr().err
    assert said.startswith(f"warning: budget in {project} is '5 GiB', which is not a")
    # One that cannot be read is asked for the place and for the budget.
    project.write_text("[tool.cellar\n")
    assert main(["prune", str(project.parent), "--dry-run"]) == 0
    assert capsys.readouterr().err.count(str(project)) == 1


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


def test_the_command_names_a_damaged_database_and_leaves_it_where_it_is(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(database, 1)
    database.close()
    database.path.write_bytes(b"not a database at all" * 1000)
    for dry in (["--dry-run"], []):
        assert main(["prune", str(database.path), *dry]) == 1
        said = capsys.readouterr().err
        assert said.count(str(database.path)) == 1
        assert "check --repair" in said
    assert not list(database.folder.glob("cache.db.damaged-*"))


def test_the_command_says_once_why_a_database_cannot_be_used(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["prune", str(database.path)]) == 1
    assert "Nothing is cached yet: there is no" in capsys.readouterr().err
    fill(database, 1)
    with database.writing() as connection:
        connection.execute("PRAGMA user_version = 2000")
    database.close()
    assert main(["prune", str(database.path)]) == 1
    assert capsys.readouterr().err.count("was written by a newer version") == 1
