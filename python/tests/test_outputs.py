"""What a cell shows is shown when it comes from the cache, or the cell runs."""

from __future__ import annotations

import json

import pytest

from tests import kernels
from tests.conftest import Write, ran

UNSAVEABLE = {
    "connection": "import sqlite3\nmade = 1\nsqlite3.connect(':memory:')",
    "generator": "made = 2\n(one for one in 'abc')",
    "function": "made = 3\nlambda one: one + 41",
}


@pytest.mark.parametrize("name", UNSAVEABLE)
def test_what_cannot_be_saved_is_shown_by_the_cell(
    name: str, write: Write, env: dict[str, str]
) -> None:
    notebook = write(
        "shown.py", make=f"ran('make')\n{UNSAVEABLE[name]}", use="used = made + 1\nused"
    )
    for _ in range(2):
        text = json.dumps(kernels.export(notebook, env).outputs)
        assert "UnhashableStub" not in text
        assert ran(notebook) == ["make"]
    told = kernels.query(
        notebook,
        "SELECT reasons FROM reasons JOIN lookups USING (lookup_id)"
        " JOIN cells USING (cell_id) WHERE cells.name = 'make'"
        " ORDER BY lookup_id DESC LIMIT 1",
    )
    assert {"kind": "unpicklable", "names": ["return"]} in json.loads(told[0][0])


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("mo.output.replace(mo.md('by a call'))", "by a call"),
        ("mo.output.append(mo.md('one'))\nmo.output.append('and two')", "and two"),
        (
            "rows = pd.DataFrame({'name': ['shown in a table']})\n"
            # As `mo.sql` does, which needs a database.
            "mo.output.replace(mo.ui.table(rows, selection=None, pagination=True))",
            "shown in a table",
        ),
        (
            "rows = [{'name': 'of no variable'}]\n"
            "mo.output.replace(mo.ui.table(rows[:], selection=None))\nlen(rows)\nNone",
            "of no variable",
        ),
    ],
)
def test_what_a_call_shows(
    code: str, shown: str, write: Write, env: dict[str, str]
) -> None:
    notebook = write(
        "calls.py", _imports="import pandas as pd", make=f"ran('make')\n{code}"
    )
    for runs in (["make"], []):
        assert shown in json.dumps(kernels.export(notebook, env).outputs)
        assert ran(notebook) == runs


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("mo.output.append(mo.ui.slider(1, 9))", "marimo-slider"),
        ("mo.output.replace(pd.DataFrame({'a': [1]}))", "marimo-table"),
    ],
)
def test_what_only_this_kernel_can_show_is_shown_by_the_cell(
    code: str, shown: str, write: Write, env: dict[str, str]
) -> None:
    notebook = write(
        "calls.py",
        _imports="import pandas as pd",
        make=f"ran('make')\n{code}\nmade = 1",
        use="made + 1",
    )
    for _ in range(2):
        assert shown in json.dumps(kernels.export(notebook, env).outputs)
        assert ran(notebook) == ["make"]
    why = kernels.python(
        notebook, env, "-m", "marimo_cellar", "why", "calls.py", "make"
    )
    assert "Not cacheable: there is no way to save return." in why


def test_rows_of_a_query_are_shown_in_the_same_table(
    write: Write, env: dict[str, str]
) -> None:
    notebook = write(
        "queried.py",
        _connects="import sqlite3\nengine = sqlite3.connect(':memory:')",
        make="rows = mo.sql('SELECT 5 AS number', engine=engine)",
    )
    first, again = (json.dumps(kernels.export(notebook, env).outputs) for _ in range(2))
    assert "data-pagination='true'" in first
    assert "data-pagination='true'" in again
    hits = "SELECT outcome FROM lookups JOIN cells USING (cell_id) WHERE name = 'make'"
    assert kernels.query(notebook, hits) == [("miss",), ("hit",)]
