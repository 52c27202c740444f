"""Which notebooks are gone, by the table that both languages read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from marimo_cellar.cleaning import missing
from marimo_cellar.database.database import database_in

CASES = json.loads(
    Path(__file__).parents[2].joinpath("test/fixtures/missing.json").read_text("utf-8")
)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_which_notebooks_are_gone(case: dict[str, Any], tmp_path: Path) -> None:
    for name in case["there"]:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir() if name.endswith("/") else path.write_text("")
    database = database_in(tmp_path / "p" / "__marimo__" / "cache")
    with database.writing() as connection:
        for path in case["apps"]:
            connection.execute(
                "INSERT INTO apps (path, last_seen_at) VALUES (?, 0)", (path,)
            )
        ids = dict(connection.execute("SELECT path, app_id FROM apps"))
        for path in case["missing"]:
            connection.execute("INSERT INTO missing VALUES (?, 7)", (ids[path],))
        changes = missing.look(connection, database)
        expected = case["changes"]
        assert {path for path in ids if ids[path] in changes.gone} == set(
            expected["gone"]
        )
        assert {path for path in ids if ids[path] in changes.back} == set(
            expected["back"]
        )
        missing.note(connection, changes, 9.0)
        left = dict(
            connection.execute(
                "SELECT path, since FROM missing JOIN apps USING (app_id)"
            )
        )
        assert left == {
            **{path: 7.0 for path in case["missing"] if path not in expected["back"]},
            **dict.fromkeys(expected["gone"], 9.0),
        }
        # Once is enough.
        assert missing.look(connection, database) == missing.Changes()
