"""Real kernels note the files that cells read, and tell at a hit which have changed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from marimo_cellar.entries import reads as module
from marimo_cellar.entries.reads import Change, Read, change_of, settled
from marimo_cellar.entries.workspace import Workspace
from marimo_cellar.settings.place import System
from marimo_cellar.settings.settings import find_settings
from tests.conftest import Write, outcomes, ran
from tests.kernels import change, export, python, query

CELLS = {
    "opened": "opened = open('opened.csv').read()",
    "framed": "import pandas as pd\nframed = pd.read_csv('framed.csv')",
    "named": "import polars as pl\nnamed = pl.read_csv('named.csv')['a'].sum()",
    "threaded": """
        from concurrent.futures import ThreadPoolExecutor
        from pathlib import Path
        with ThreadPoolExecutor(1) as pool:
            threaded = pool.submit(Path('thread' + 'ed.csv').read_text).result()
    """,
    "listed": "import os\nlisted = len(os.listdir('folder'))",
    "none": "none = 1",
}
# How files are named that polars opens itself.
NAMING = {
    "paths": """
        import polars as pl
        from pathlib import Path
        FOLDER = mo.notebook_dir() / "data"
        plain = "plain.csv"
    """,
    "functions": """
        def load(name):
            return pl.read_csv(FOLDER / f"{name}.csv")
        def load_all():
            return pl.read_csv("data/*.csv")
        @mo.persistent_cache
        def cached(name):
            return pl.read_csv(FOLDER / f"{name}.csv").height
    """,
    "variable": "variable = pl.read_csv(plain).height",
    "joined": "joined = pl.read_csv(FOLDER / 'one.csv').height",
    "all": "all_of_them = load_all().height",
    "sql": """
        at_least = 0
        sql = pl.sql(f"SELECT count(*) FROM read_csv('data/one.csv') WHERE a > {at_least}")
        counted = sql.collect().item()
    """,
    "calls": "calls = [cached('one'), cached('two')]",
    "writes": "pl.read_csv(plain).write_csv('data/made.txt')",
}


def reads(notebook: Path) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for name, path, how in query(
        notebook,
        "SELECT name, reads.path, how FROM reads JOIN entries USING (entry_id)"
        " JOIN cells USING (cell_id) ORDER BY 1, 2",
    ):
        found.setdefault(name, []).append((path, how))
    return found


def last_reasons(notebook: Path) -> dict[str, list[dict[str, Any]]]:
    """Of each cell's last lookup, which all are hits."""
    rows = query(
        notebook,
        "SELECT name, outcome, why, reasons FROM lookups JOIN cells USING (cell_id)"
        " LEFT JOIN reasons USING (lookup_id) WHERE name NOT NULL ORDER BY lookup_id",
    )
    last = {name: row for name, *row in rows}
    assert {tuple(row[:2]) for row in last.values()} == {("hit", None)}
    return {name: json.loads(row[2]) for name, row in last.items() if row[2]}


def test_hits_whose_files_have_changed_are_told(
    write: Write, env: dict[str, str]
) -> None:
    notebook = write("files.py", **CELLS)
    for name in ("opened", "framed", "named", "threaded"):
        (notebook.parent / f"{name}.csv").write_text("a,b\n1,2\n")
    (notebook.parent / "folder").mkdir()
    done = export(notebook, env)
    assert reads(notebook) == {
        "opened": [("opened.csv", "opened")],
        "framed": [("framed.csv", "opened")],
        "listed": [("folder/*", "named")],
        "named": [("named.csv", "named")],
        "threaded": [("threaded.csv", "opened")],
    }
    digests = query(notebook, "SELECT count(DISTINCT digest), count(digest) FROM reads")
    assert digests == [(2, 5)]

    # Only touched, it is what it was.
    os.utime(notebook.parent / "framed.csv", (1, 1))
    (notebook.parent / "opened.csv").write_text("a,b\n1,3\n")
    (notebook.parent / "named.csv").unlink()
    (notebook.parent / "folder" / "come.txt").touch()
    again = export(notebook, env)
    assert again.outputs == done.outputs
    assert "Cellar" not in again.printed
    found = last_reasons(notebook)
    assert found.keys() == {"opened", "named", "listed"}
    ((opened,), (named,)) = (found["opened"], found["named"])
    assert opened.pop("modified_at") == os.stat(notebook.parent / "opened.csv").st_mtime
    assert opened == {
        "kind": "file",
        "path": "opened.csv",
        "how": "opened",
        "change": "changed",
    }
    assert named == {
        "kind": "file",
        "path": "named.csv",
        "how": "named",
        "change": "gone",
    }
    told = python(notebook, env, "-m", "marimo_cellar", "why", notebook.name)
    assert "opened.csv has changed since" in told
    assert "named.csv, which it may have read, is gone" in told
    assert "folder/*, which it may have read, has changed since" in told

    # An equal cell of another notebook is served what the first one read.
    write("twin.py", opened=CELLS["opened"])
    twin = notebook.with_name("twin.py")
    export(twin, env)
    assert outcomes(twin)["opened"] == "hit"
    rows = query(notebook, "SELECT count(*) FROM reads WHERE reads.path = 'opened.csv'")
    assert rows == [(2,)]


def test_what_was_made_of_a_changed_file_is_computed_anew_where_that_is_set(
    write: Write, env: dict[str, str]
) -> None:
    names = ("opened", "touched", "gone", "called")
    notebook = write(
        "anew.py",
        **{
            name: f"ran('{name}'); {name} = open('{name}.csv').read()"
            for name in names[:3]
        },
        sums="""
            @mo.persistent_cache
            def sums(name):
                ran(name)
                return len(open(f"{name}.csv").read())
        """,
        calls="s = mo.ui.switch(); calls = sums('called')",
    )
    notebook.with_name("pyproject.toml").write_text(
        "[tool.cellar]\nrecompute_on_change = true\n"
    )
    for name in names:
        notebook.with_name(f"{name}.csv").write_text("a,b\n1,2\n")
    export(notebook, env)
    assert sorted(ran(notebook)) == sorted(names)
    export(notebook, env)
    assert ran(notebook) == []
    # Only touched, it is what it was; of what is gone nothing could be made anew.
    os.utime(notebook.with_name("touched.csv"), (1, 1))
    notebook.with_name("gone.csv").unlink()
    for name in ("opened", "called"):
        notebook.with_name(f"{name}.csv").write_text("a,b\n1,3\n")
    export(notebook, env)
    assert sorted(ran(notebook)) == ["called", "opened"]
    told = python(notebook, env, "-m", "marimo_cellar", "why", notebook.name)
    assert "Not from the cache: opened.csv has changed since." in told
    assert "gone.csv is gone" in told
    export(notebook, env)
    assert ran(notebook) == []


def test_a_project_says_first_what_becomes_of_what_changed(tmp_path: Path) -> None:
    project, home = tmp_path / "p" / "pyproject.toml", tmp_path / "home"
    project.parent.mkdir()
    user = home / ".config" / "cellar" / "config.toml"
    user.parent.mkdir(parents=True)

    def told() -> tuple[bool, int]:
        found = find_settings(project.parent, System({}, "linux", home))
        return found.recompute_on_change, len(found.refusals)

    assert told() == (False, 0)
    user.write_text("recompute_on_change = true")
    assert told() == (True, 0)
    project.write_text("[tool.cellar]\nrecompute_on_change = false")
    assert told() == (False, 0)
    project.write_text("[tool.cellar]\nrecompute_on_change = 'yes'")
    assert told() == (True, 1)


def test_files_are_known_by_variables_functions_and_sql(
    write: Write, env: dict[str, str]
) -> None:
    notebook = write("naming.py", **NAMING)
    (notebook.parent / "data").mkdir()
    for name in ("plain", "data/one", "data/two"):
        (notebook.parent / f"{name}.csv").write_text("a,b\n1,2\n")
    export(notebook, env)
    both = [("data/one.csv", "named"), ("data/two.csv", "named")]
    all_names = ("data/*.csv", "named")
    assert reads(notebook) == {
        "variable": [("plain.csv", "named")],
        "joined": both[:1],
        "all": [all_names, *both],
        "sql": both[:1],
        # The functions' results are of the cell that defines them.
        "functions": both,
        # Its own by the digests that are made of them as it runs.
        "calls": [(path, "opened") for path, _ in both],
        "writes": [("plain.csv", "named")],
    }
    (notebook.parent / "data" / "one.csv").write_text("a,b\n1,2\n3,4\n")
    export(notebook, env)
    assert last_reasons(notebook).keys() == {"joined", "all", "sql", "calls"}


# What marimo hashes by the code that made it, and not by what it holds.
MADE = {
    "model": """
        from types import SimpleNamespace
        model = SimpleNamespace(text=open('model.txt').read())
    """,
    "connection": """
        import sqlite3
        connection = sqlite3.connect(':memory:')
        _ = connection.executescript(open('rows.sql').read())
    """,
    "of_model": "of_model = len(model.text)",
    "wrapped": "wrapped = SimpleNamespace(model=model)",
    "of_wrapped": "of_wrapped = wrapped.model.text",
    "of_connection": "of_connection = connection.execute('SELECT * FROM one').fetchall()",
    "of_number": "of_number = of_model + 1",
}


def test_what_is_made_of_another_cell_s_value_has_that_one_s_files(
    write: Write, env: dict[str, str]
) -> None:
    notebook = write("made.py", **MADE)
    (notebook.parent / "model.txt").write_text("model")
    (notebook.parent / "rows.sql").write_text("CREATE TABLE one AS SELECT 1")
    export(notebook, env)
    model, rows = [("model.txt", "opened")], [("rows.sql", "opened")]
    made = {
        "model": model,
        "connection": rows,
        "of_model": model,
        "wrapped": model,
        "of_wrapped": model,
        "of_connection": rows,
    }
    assert reads(notebook) == made
    export(notebook, env)
    assert last_reasons(notebook) == {}

    # Made anew of one that is served, and of one that runs again as it is not whole.
    before = {"of_model": MADE["of_model"], "of_connection": MADE["of_connection"]}
    edited = {name: f"{code}  # twice\n{name} *= 2" for name, code in before.items()}
    (notebook.parent / "model.txt").write_text("another")
    (notebook.parent / "rows.sql").write_text("CREATE TABLE one AS SELECT 1, 2")
    write("made.py", **{**MADE, **edited})
    export(notebook, env)
    assert (
        outcomes(notebook)["of_model"] == outcomes(notebook)["of_connection"] == "miss"
    )
    export(notebook, env)
    changed = last_reasons(notebook)
    assert changed.keys() == made.keys() - {"connection", "of_connection"}
    assert changed["of_model"][0]["path"] == "model.txt"


# Of which marimo hashes the frame by the code that made it, since it has texts in it.
TABLES = {
    "table": """
        import polars as pl
        table = pl.read_csv('table.csv')
    """,
    "last": "ran('last')\nlast = table['name'].to_list()[-1]",
    "shouted": "ran('shouted')\nshouted = last.upper()",
    "other": "ran('other')\nother = pl.DataFrame({'a': ['b']})",
}


def test_what_is_made_of_a_value_is_made_anew_with_it(
    write: Write, env: dict[str, str]
) -> None:
    notebook = write("tables.py", **TABLES)
    table = notebook.parent / "table.csv"
    table.write_text("name\nfirst\n")
    export(notebook, env)
    assert ran(notebook) == ["last", "shouted", "other"]

    # What is made of the old value is served as long as that is.
    table.write_text("name\nfirst\nsecond\n")
    export(notebook, env)
    assert ran(notebook) == []

    clear = (
        "DELETE FROM entries WHERE cell_id = (SELECT cell_id FROM cells WHERE name = ?)"
    )
    change(notebook, clear, "table")
    export(notebook, env)
    assert ran(notebook) == ["last", "shouted"]
    told = python(notebook, env, "-m", "marimo_cellar", "why", notebook.name, "last")
    assert "Not from the cache: table.csv has changed since." in told

    # Made anew of the same bytes, it is the same.
    os.utime(table, (1, 1))
    change(notebook, clear, "table")
    export(notebook, env)
    assert ran(notebook) == []


def test_a_file_that_was_only_touched_is_digested_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data.csv"
    data.write_text("a,b\n")
    now = data.stat()
    read = Read("data.csv", "opened", now.st_size, now.st_mtime)
    [read] = settled([read], tmp_path, 1000)
    digest, digested = module._digest, list[Path]()

    def counted(path: Path, expected: Read) -> bytes | None:
        digested.append(path)
        return digest(path, expected)

    monkeypatch.setattr(module, "_digest", counted)
    assert change_of(read, tmp_path) is None
    assert digested == []
    os.utime(data, (1000, 2000))
    assert [change_of(read, tmp_path) for _ in range(3)] == [None] * 3
    assert digested == [data]
    data.write_text("c,d\n")
    os.utime(data, (1000, 3000))
    changes = [change_of(read, tmp_path) for _ in range(2)]
    assert changes == [Change(read, "changed", 3000.0)] * 2
    assert digested == [data, data]


def test_a_file_that_comes_is_a_change_of_its_pattern(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for name in ("one.csv", "two.csv", ".hidden.csv", "notes.txt"):
        (data / name).touch()
    workspace = Workspace(tmp_path / "nb.py", [])
    names = workspace.names(str(data / "*.csv"))
    assert names is not None
    assert (names.path, names.size) == ("data/*.csv", 2)
    assert change_of(names, tmp_path) is None
    (data / "more.txt").touch()
    assert change_of(names, tmp_path) is None
    (data / "three.csv").touch()
    changed = change_of(names, tmp_path)
    assert changed is not None
    assert (changed.change, changed.modified_at) == ("changed", data.stat().st_mtime)
    (data / "three.csv").unlink()
    assert change_of(names, tmp_path) is None
    # As many names, and others.
    (data / "two.csv").rename(data / "three.csv")
    assert change_of(names, tmp_path) is not None
    assert workspace.names(str(data / "*" / "one.csv")) is None
    assert workspace.names(str(tmp_path.parent / "*.csv")) is None
    # Not of a file that is called so.
    opened = replace(names, how="opened")
    assert change_of(opened, tmp_path) == Change(opened, "gone")


def test_why_tells_of_each_cell_and_what_it_cannot_tell(
    write: Write, env: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    from marimo_cellar.__main__ import main

    notebook = write("told.py", first="first = 1", second="second = first + 1")
    for arguments, error in (
        ([str(notebook)], "is cached yet"),
        ([str(notebook.with_name("other.py"))], "There is no notebook"),
    ):
        assert main(["why", *arguments]) == 1
        assert error in capsys.readouterr().err
    export(notebook, env)
    write("told.py", first="first = 2", second="second = first + 1")
    export(notebook, env)
    assert main(["why", str(notebook), "second"]) == 0
    printed = capsys.readouterr().out
    assert "first, which it needs, changed; first, from first, holds" in printed
    assert len(printed.splitlines()) == 1
    assert main(["why", str(notebook), "--json"]) == 0
    cells = json.loads(capsys.readouterr().out)["cells"]
    assert [cell["name"] for cell in cells] == [None, "first", "second"]
    assert [cell["outcome"] for cell in cells] == ["hit", "miss", "miss"]
    assert cells[1]["reasons"] == [{"kind": "own_code"}]
    assert main(["why", str(notebook), "third"]) == 1
    assert "no cell 'third'" in capsys.readouterr().err

    database = notebook.parent / "__marimo__" / "cache" / "cache.db"
    if os.name != "nt" and os.geteuid() != 0:
        database.chmod(0o400)
    assert main(["why", str(notebook), "2"]) == 0
    assert "own code" in capsys.readouterr().out
