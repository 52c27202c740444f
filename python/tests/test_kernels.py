"""Kernels of every kind: those of exports, of editors, and of apps that are served."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Write, outcomes, ran
from tests.editors import editor
from tests.kernels import cache_of, export, python, query
from tests.servers import serve


@pytest.fixture
def notebook(write: Write) -> Path:
    return write("ways.py", one='ran("one"); x = [1]', two='ran("two"); y = [*x, 2]; y')


def entries_of(notebook: Path) -> list[tuple[str, int, int]]:
    """The named cells' entries: how many, and how often they were used."""
    return [
        tuple(row)
        for row in query(
            notebook,
            "SELECT cells.name, count(*), sum(hits) FROM entries JOIN cells"
            " USING (cell_id) WHERE cells.name NOT NULL GROUP BY 1 ORDER BY 1",
        )
    ]


def no_stock_files(notebook: Path) -> bool:
    return not list(cache_of(notebook).rglob("*_*.jsonl"))


def run_export(kind: str, notebook: Path, env: dict[str, str]) -> None:
    """`marimo export` of a kind, with all that makes it run cells."""
    into = [] if kind == "session" else ["--output", str(notebook.parent / "exported")]
    outputs = ["--include-outputs"] if kind == "ipynb" else []
    marimo_export = ("-m", "marimo", "-y", "export", kind, str(notebook))
    assert "Cellar" not in python(notebook, env, *marimo_export, *into, *outputs)


@pytest.mark.parametrize("kind", ["html", "ipynb", "session"])
def test_an_export_that_runs_cells_fills_the_cache_and_is_served(
    kind: str, notebook: Path, env: dict[str, str]
) -> None:
    if kind == "ipynb":
        pytest.importorskip("nbformat", reason="marimo writes ipynb by means of it")
    run_export(kind, notebook, env)
    assert ran(notebook) == ["one", "two"]
    # Of one kind what another computed.
    export(notebook, env)
    assert ran(notebook) == []
    assert entries_of(notebook) == [("one", 1, 1), ("two", 1, 1)]
    assert no_stock_files(notebook)


@pytest.mark.parametrize("kind", ["script", "md"])
def test_an_export_that_runs_nothing_leaves_the_cache(
    kind: str, notebook: Path, env: dict[str, str]
) -> None:
    run_export(kind, notebook, env)
    assert ran(notebook) == []
    assert not cache_of(notebook).exists()


def test_a_kernel_whose_page_was_open_before_it(
    notebook: Path, env: dict[str, str]
) -> None:
    """marimo's server was started anew, and the page takes the kernel for the old one."""
    for _ in range(2):
        with editor(notebook, env) as opened:
            opened.run_all_again()
    assert ran(notebook) == ["one", "two"]
    assert entries_of(notebook) == [("one", 1, 1), ("two", 1, 1)]
    assert no_stock_files(notebook)


def test_a_kernel_of_the_vs_code_extension(notebook: Path, env: dict[str, str]) -> None:
    for _ in range(2):
        with editor(notebook, env) as opened:
            opened.run_all()
    assert ran(notebook) == ["one", "two"]
    assert entries_of(notebook) == [("one", 1, 1), ("two", 1, 1)]
    assert outcomes(notebook) == {
        "import marimo as mo\nfrom trace import ran": "hit",
        "one": "hit",
        "two": "hit",
    }
    # It ends as the kernel of an export does, and leaves no files for one.
    assert no_stock_files(notebook)


def test_such_a_kernel_caches_no_cells_where_nobody_turned_it_on(
    write: Write, env: dict[str, str]
) -> None:
    notebook = write("off.py", cached=False, one='ran("one"); x = [1]')
    for _ in range(2):
        with editor(notebook, env) as opened:
            opened.run_all()
    assert ran(notebook) == ["one", "one"]
    assert not cache_of(notebook).exists()


def test_sessions_of_one_app_that_is_served(
    notebook: Path, env: dict[str, str], tmp_path: Path
) -> None:
    with (
        serve("run", notebook, env=env, log=tmp_path / "log") as server,
        server.client(notebook, "s-first") as first,
    ):
        first.wait_for("completed-run")
        assert ran(notebook) == ["one", "two"]
        # Beside it, at the same time, two more.
        with (
            server.client(notebook, "s-second") as second,
            server.client(notebook, "s-third") as third,
        ):
            second.wait_for("completed-run")
            third.wait_for("completed-run")
    assert ran(notebook) == []
    assert entries_of(notebook) == [("one", 1, 2), ("two", 1, 2)]
    assert query(
        notebook,
        "SELECT outcome, count(*) FROM lookups JOIN cells USING (cell_id)"
        " WHERE name NOT NULL GROUP BY 1",
    ) == [("hit", 4), ("miss", 2)]
    assert "Cellar" not in (tmp_path / "log").read_text()
    assert no_stock_files(notebook)
