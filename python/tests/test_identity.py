"""The shared table of cell identity."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from marimo_cellar.notebook.code import normalise
from marimo_cellar.notebook.identity import NotebookCell, StoredCell, match_cells

TABLE = Path(__file__).parents[2] / "test" / "fixtures" / "identity.json"
CASES: list[dict[str, Any]] = json.loads(TABLE.read_text("utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_the_shared_table(case: dict[str, Any]) -> None:
    matches = match_cells(
        [
            StoredCell(
                cell_id=cell["id"],
                name=cell["name"],
                code=normalise(cell["code"]),
                defs=frozenset(cell["defs"]),
                retired=cell["retired"],
            )
            for cell in case["before"]
        ],
        [
            NotebookCell(
                name=cell["name"],
                code=normalise(cell["code"]),
                defs=frozenset(cell["defs"]),
                known_as=cell.get("knownAs"),
            )
            for cell in case["after"]
        ],
    )
    assert [{"id": one.cell_id, "reason": one.reason} for one in matches] == case[
        "expect"
    ]
