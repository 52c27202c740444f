"""The shared table of cell identity, and the one pass only a kernel has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from marimo_cellar.code import code_digest
from marimo_cellar.identity import Match, NotebookCell, StoredCell, match_cells

TABLE = Path(__file__).parents[2] / "test" / "fixtures" / "identity.json"
CASES: list[dict[str, Any]] = json.loads(TABLE.read_text("utf-8"))


def stored(cell: dict[str, Any]) -> StoredCell:
    return StoredCell(
        cell_id=cell["id"],
        name=cell["name"],
        digest=code_digest(cell["code"]),
        defs=frozenset(cell["defs"]),
        retired=cell["retired"],
    )


def present(cell: dict[str, Any], known_as: int | None = None) -> NotebookCell:
    return NotebookCell(
        name=cell["name"],
        digest=code_digest(cell["code"]),
        defs=frozenset(cell["defs"]),
        known_as=known_as,
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_the_shared_table(case: dict[str, Any]) -> None:
    matches = match_cells(
        [stored(cell) for cell in case["before"]],
        [present(cell) for cell in case["after"]],
    )
    assert [{"id": one.cell_id, "reason": one.reason} for one in matches] == case[
        "expect"
    ]


def test_within_a_session_the_kernels_own_id_comes_first() -> None:
    before = [
        StoredCell(1, None, code_digest("x = 1"), frozenset("x")),
        StoredCell(2, None, code_digest("y = 2"), frozenset("y")),
    ]
    # The first cell was rewritten into what the second one was.
    after = [
        NotebookCell(None, code_digest("y = 2"), frozenset("y"), known_as=1),
        NotebookCell(None, code_digest("z = 3"), frozenset("z"), known_as=2),
    ]
    assert match_cells(before, after) == [Match(1, "session"), Match(2, "session")]
