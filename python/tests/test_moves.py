"""The shared table of notebooks and cells that moved."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from marimo_cellar.notebook.code import normalise
from marimo_cellar.notebook.identity import NotebookCell, StoredCell
from marimo_cellar.notebook.moves import KnownApp, carried_cells, moved_app

TABLE = Path(__file__).parents[2] / "test" / "fixtures" / "moves.json"
CASES: dict[str, list[dict[str, Any]]] = json.loads(TABLE.read_text("utf-8"))


def stored(cells: list[dict[str, Any]]) -> list[StoredCell]:
    return [
        StoredCell(
            cell["id"],
            cell["name"],
            normalise(cell["code"]),
            frozenset(cell["defs"]),
            cell["retired"],
        )
        for cell in cells
    ]


def present(cells: list[dict[str, Any]]) -> list[NotebookCell]:
    return [
        NotebookCell(cell["name"], normalise(cell["code"]), frozenset(cell["defs"]))
        for cell in cells
    ]


@pytest.mark.parametrize("case", CASES["apps"], ids=lambda case: str(case["name"]))
def test_notebooks(case: dict[str, Any]) -> None:
    apps = [
        KnownApp(app["id"], app["there"], stored(app["cells"])) for app in case["apps"]
    ]
    assert moved_app(apps, present(case["cells"])) == case["expect"]


@pytest.mark.parametrize("case", CASES["cells"], ids=lambda case: str(case["name"]))
def test_cells(case: dict[str, Any]) -> None:
    assert carried_cells(stored(case["gone"]), present(case["cells"])) == case["expect"]
