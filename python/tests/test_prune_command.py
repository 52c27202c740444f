"""`python -m marimo_cellar prune`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from marimo_cellar.__main__ import main
from marimo_cellar.database import opening
from marimo_cellar.database.database import Database, database_in
from marimo_cellar.session.store import SqliteStore
from tests.equal_worth import database, fill, left

__all__ = ["database"]


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


def test_the_command_says_which_calls_of_a_function_go(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(database, 3)
    with database.writing() as connection:
        connection.execute("UPDATE entries SET cache_name = 'ask'")
        connection.executemany(
            "INSERT INTO calls (entry_id, arguments) VALUES (?, ?)",
            [
                (1, json.dumps({"prompt": "'Why?'", "model": "'small'"})),
                (2, json.dumps({"prompt": f"'{'Why? ' * 50}'"})),
                (3, "no JSON"),
            ],
        )
    database.close()
    path = str(database.path)
    assert main(["prune", path, "--budget", "0", "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert ", ask(prompt='Why?', model='small')\n" in told
    assert f", ask(prompt='{'Why? ' * 14}W…)\n" in told
    assert ", ask\n" in told
    assert main(["prune", path, "--budget", "0", "--dry-run", "--json"]) == 0
    entries = json.loads(capsys.readouterr().out)["entries"]
    assert {"prompt": "'Why?'", "model": "'small'"} in [
        entry["arguments"] for entry in entries
    ]


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


def test_the_project_that_puts_a_cache_elsewhere_within_it_says_its_budget(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = database_in(tmp_path / ".cellar")
    fill(elsewhere, 1)
    project = tmp_path / "pyproject.toml"
    project.write_text("[tool.cellar]\npath = '.cellar'\nbudget = '1 MB'\n")
    assert main(["prune", str(elsewhere.path), "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["budget"] == 1_000_000


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


def test_what_a_cells_functions_took_is_told_once(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    store = SqliteStore(str(database.folder))
    for key in ("cell_cache/E_1.pickle", "ask/P_2.pickle", "ask/P_3.pickle"):
        assert store.put(key, bytes(100))
    with database.writing() as connection:
        assert connection.execute("SELECT count(*) FROM cells").fetchone() == (1,)
        connection.execute(
            "UPDATE entries SET runtime = 5, created_at = created_at - 7200"
        )
        connection.execute("UPDATE entries SET runtime = 60 WHERE hash = '1'")
        connection.execute("UPDATE apps SET last_seen_at = 0")
    database.close()
    command = ["prune", str(database.path), "--budget", "0"]
    assert main([*command, "--dry-run"]) == 0
    assert "about 60.0 s to recompute if all" in capsys.readouterr().out
    assert main([*command, "--json"]) == 0
    done = json.loads(capsys.readouterr().out)
    assert done["seconds"] == done["done"]["seconds"] == 60
