from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from textwrap import dedent, indent

import pytest
from hypothesis import settings

from marimo_cellar import notices
from marimo_cellar.database import database, watching
from marimo_cellar.entries import behind
from marimo_cellar.lookups import lookups
from tests import kernels

# A test judges what happens and never how long it takes.
settings.register_profile("cellar", deadline=None, print_blob=True)
settings.load_profile("cellar")

HEADER = """\
# /// script
# [tool.marimo.runtime]
# cache_cells = {cached}
# ///
import marimo

__generated_with = "0.24.0"
app = marimo.App()

"""

Write = Callable[..., Path]


@pytest.fixture(autouse=True)
def looks_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that is deleted or replaced is seen at once, in this process."""
    monkeypatch.setattr(watching, "IN_PLACE_SECONDS", 0.0)


@pytest.fixture
def heard(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> pytest.LogCaptureFixture:
    """What the user hears."""
    monkeypatch.setattr(notices, "_said", set())
    caplog.set_level(logging.WARNING, "marimo.cellar")
    return caplog


@pytest.fixture(scope="session")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as the extension ships it: a folder for PYTHONPATH."""
    return kernels.build(tmp_path_factory.mktemp("shipped"))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def env(shipped: Path, home: Path) -> dict[str, str]:
    """An environment whose kernels have Cellar."""
    return kernels.environment(shipped, home)


@pytest.fixture
def plain_env(home: Path) -> dict[str, str]:
    """The same without Cellar."""
    return kernels.environment(None, home)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a notebook: `write(name, first="code", second="code", ...)`."""
    return partial(write_notebook, tmp_path / "notebooks")


def write_notebook(
    usual: Path,
    name: str,
    *,
    cached: bool = True,
    folder: Path | None = None,
    **cells: str,
) -> Path:
    """Writes a notebook of these cells in the usual folder, or another one.

    A cell whose name begins with an underscore is unnamed. Its code may call
    `ran(name)`, which appends to `ran.txt` beside the notebook: that is how a test
    sees that a cell did run.
    """
    folder = folder or usual
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "trace.py").write_text(
        "from pathlib import Path\n"
        "def ran(name):\n"
        "    with open(Path(__file__).parent / 'ran.txt', 'a') as file:\n"
        "        file.write(name + '\\n')\n"
    )
    text = HEADER.format(cached=str(cached).lower())
    imports = "import marimo as mo\nfrom trace import ran"
    for cell, code in [("_", imports), *cells.items()]:
        label = "_" if cell.startswith("_") else cell
        body = indent(dedent(code).strip(), "    ")
        text += f"\n@app.cell\ndef {label}():\n{body}\n    return\n\n"
    path = folder / name
    path.write_text(text)
    return path


def ran(notebook: Path) -> list[str]:
    """What ran since this was last asked."""
    file = notebook.parent / "ran.txt"
    if not file.exists():
        return []
    names = file.read_text().splitlines()
    file.unlink()
    return names


def outcomes(notebook: Path, since: int = 0) -> dict[str, str]:
    """What each cell's last lookup met, by the cell's name or its code."""
    return {
        name or code: outcome
        for name, code, outcome in kernels.query(
            notebook,
            "SELECT cells.name, cells.code, outcome FROM lookups"
            " JOIN cells USING (cell_id) WHERE lookup_id > ? ORDER BY lookup_id",
            since,
        )
    }


@pytest.fixture(autouse=True)
def no_open_databases() -> Iterator[None]:
    yield
    behind.settle_all()
    lookups.flush()
    database.close_all()
