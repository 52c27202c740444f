"""Notebooks before and after Cellar, by the commands `import` and `export`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from marimo_cellar.__main__ import main
from tests.conftest import Write, ran
from tests.kernels import cache_of, change, export, query
from tests.test_switching import chain

__all__ = ["chain"]


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


def test_a_path_that_is_not_there_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import", str(tmp_path / "none.py")]) == 1
    assert "There is no" in capsys.readouterr().err
    assert main(["export", str(tmp_path), "--database", str(tmp_path)]) == 1
    assert "there is no" in capsys.readouterr().err
    assert main(["config", str(tmp_path / "none.py")]) == 1
    said = f"python -m marimo_cellar: There is no {tmp_path / 'none.py'}\n"
    assert capsys.readouterr().err == said
    assert list(tmp_path.iterdir()) == []


def test_whoever_reads_no_further_is_not_complained_to(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "marimo_cellar", "config", "--json", str(tmp_path)],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")


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


def test_a_python_without_marimo_is_told_in_one_line(env: dict[str, str]) -> None:
    # `-S` leaves out what is installed, and the package is found on `PYTHONPATH`.
    done = subprocess.run(
        [sys.executable, "-S", "-m", "marimo_cellar", "why"],
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert sys.executable in line and "has no marimo" in line


def test_what_a_stream_cannot_say_is_spelled(write: Write, env: dict[str, str]) -> None:
    notebook = write("spelled.py", _one="名 = 1")
    export(notebook, env)
    # As a pipe is in many a Windows.
    said = cellar({**env, "PYTHONIOENCODING": "ascii"}, "why", notebook)
    assert "\\u540d" in said


def test_a_time_that_is_none_is_no_lookup(write: Write, env: dict[str, str]) -> None:
    notebook = write("damaged.py", one="x = [1]")
    export(notebook, env)
    change(notebook, "UPDATE lookups SET at = 'late'")
    assert "one: It was not looked up yet." in cellar(env, "why", notebook)


def test_a_folder_whose_name_is_no_text_has_a_cache_as_any_other(
    write: Write, env: dict[str, str], tmp_path: Path
) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/old \xff %41"))
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("Such names there are on Linux only.")
    notebook = write("odd.py", folder=folder, one='ran("one"); x = [1]')
    export(notebook, env)
    assert ran(notebook) == ["one"]
    export(notebook, env)
    assert ran(notebook) == []
    assert "nothing is wrong" in cellar(env, "check", folder)
    assert "one: From the cache" in cellar(env, "why", notebook)


def test_who_only_asks_leaves_a_damaged_database_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "__marimo__" / "cache"
    folder.mkdir(parents=True)
    (folder / "cache.db").write_bytes(b"not a database at all" * 1000)
    (tmp_path / "notebook.py").touch()
    assert main(["config"]) == 0
    for command in (["why", "notebook.py"], ["export", "copy"]):
        assert main(command) == 1
        assert "check --repair" in capsys.readouterr().err
    assert [path.name for path in folder.iterdir()] == ["cache.db"]
