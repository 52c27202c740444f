"""Cells that change what they do not define: served, they would leave it as it was."""

from __future__ import annotations

import logging
import sqlite3
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import marimo
import numpy as np
import pandas as pd
import pytest

from marimo_cellar import _marimo
from marimo_cellar.session.changing import changed_by
from tests.conftest import Write, ran
from tests.kernels import export, python

_VALUES: dict[str, Any] = {
    "df": pd.DataFrame({"a": [1]}),
    "arr": np.zeros(3),
    "items": [1],
    "table": {"a": {"b": 1}},
    "con": sqlite3.connect(":memory:"),
    "holder": SimpleNamespace(items=[1], name="a"),
    "text": "abc",
    "np": np,
    "mo": marimo,
    "basicConfig": logging.basicConfig,
    "Config": Fraction,
}


class _Fitted:
    def get_params(self) -> None: ...

    def fit(self) -> None: ...


_VALUES["model"] = _Fitted()


def _cell(code: str) -> Any:
    definer = SimpleNamespace(defs=frozenset(_VALUES))
    graph = SimpleNamespace(by_kernel_id={"above": definer})
    return SimpleNamespace(code=code, kernel_id="it", parents=("above",), graph=graph)


@pytest.fixture(autouse=True)
def values(monkeypatch: pytest.MonkeyPatch) -> None:
    def values_of(_: object, __: str, names: set[str]) -> dict[str, Any]:
        return {name: _VALUES[name] for name in names if name in _VALUES}

    monkeypatch.setattr(_marimo, "current_context", lambda: "one")
    monkeypatch.setattr(_marimo, "refs_of", lambda *_: frozenset())
    monkeypatch.setattr(_marimo, "values_of", values_of)


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("df['b'] = 1", ["df"]),
        ("df.loc[0, 'a'] += 1", ["df"]),
        ("df.columns = ['c']", ["df"]),
        ("del df['a']", ["df"]),
        ("df.drop(columns='a', inplace=True)", ["df"]),
        ("if True:\n    df.insert(0, 'c', 1)", ["df"]),
        ("arr[1] = 2\narr.sort()", ["arr"]),
        ("np.add(arr, 1, out=arr)", ["arr"]),
        ("rng = np.random.default_rng(1)\nrng.shuffle(arr)", ["arr"]),
        ("for x in range(3):\n    items.append(x)", ["items"]),
        ("table['a'].update(c=1)", ["table"]),
        ("holder.items.append(1)", ["holder"]),
        ("fitted = model.fit()", ["model"]),
        ("con.execute('CREATE TABLE t (a)')", ["con"]),
        ("import sys\nsys.path.append('lib')", ["sys.path"]),
        (
            "import os\nfrom pathlib import Path\nHERE = Path('.').resolve()\n"
            "os.environ['HERE'] = str(HERE)",
            ["os.environ"],
        ),
        ("import pandas as pd\npd.set_option('display.max_rows', 5)", ["pd"]),
        ("from dotenv import load_dotenv\nload_dotenv()", ["load_dotenv"]),
        ("np.random.seed(0)", ["np.random"]),
        (
            "import altair as alt\nalt.data_transformers.disable_max_rows()",
            ["alt.data_transformers"],
        ),
        ("from tqdm.auto import tqdm\ntqdm.pandas()", ["tqdm"]),
        ("import holoviews as hv\nhv.extension('bokeh')", ["hv"]),
        ("import dspy\ndspy.configure(cache=False)", ["dspy"]),
        ("from sympy import init_printing\ninit_printing()", ["init_printing"]),
        # What was imported elsewhere.
        ("basicConfig(level=10)", ["basicConfig"]),
        ("Config.set_tbl_rows(5)", ["Config"]),
        ("import logging\nlogging.getLogger('a').setLevel(40)", ["logging.getLogger"]),
        ("import decimal\ndecimal.getcontext().prec = 5", ["decimal.getcontext"]),
        ("_ = np.seterr(all='ignore')", ["np"]),
        (
            "import os\nfor x in ('A', 'B'):\n    os.environ[x] = '1'",
            ["os.environ"],
        ),
        # What is shown may look as was set.
        ("import ibis\nibis.options.interactive = True\ntext", ["ibis.options"]),
        ("import sys\nsys.path.append('lib')\ndef f():\n    return 1", ["sys.path"]),
        (
            "try:\n    import torch\nexcept ImportError:\n    torch = None\n"
            "import warnings\nwarnings.simplefilter('ignore')",
            ["warnings"],
        ),
    ],
)
def test_what_a_cell_changes_is_told_from_its_code(code: str, names: list[str]) -> None:
    assert changed_by(_cell(code)) == names


@pytest.mark.parametrize(
    "code",
    [
        "b = df['a'] == 1",
        "b = df.drop(columns='a', inplace=False)",
        "b = df.assign(b=1)\nb['c'] = 2",
        "df.head()",
        "df.copy()['b'] = 1",
        "own = []\nown.append(df)",
        "b = text.replace('a', 'b')",
        "rows = con.execute('SELECT 1').fetchall()",
        "def change():\n    df['b'] = 1",
        "f = lambda: items.append(1)",
        # What takes time is worth more than what it sets on the way.
        "np.random.seed(0)\nb = np.random.rand(3)",
        "np.random.seed(0)\nnp.random.rand(3)",
        "import dspy\nlm = dspy.LM('one')\ndspy.configure(lm=lm)",
        "import os\nos.environ['A'] = 'b'\nb = sum(range(9))",
        "np.sort(arr)",
        "_x = np.append(arr, 1)",
        "_.setLevel(40)",
        "this is no code['a'] = 1",
    ],
)
def test_what_leaves_things_as_they_are_is_served(code: str) -> None:
    assert changed_by(_cell(code)) == []


def test_a_cell_that_changes_what_it_does_not_define_runs_each_time(
    write: Write, env: dict[str, str]
) -> None:
    def notebook(number: int) -> Any:
        return write(
            "changing.py",
            libraries="import pandas as pd\nimport sqlite3",
            path="""
                import sys
                sys.path.append(str(mo.notebook_dir() / "lib"))
                has_path = True
            """,
            imports="has_path\nimport beside",
            made="""
                df = pd.DataFrame({"a": [1, 2]})
                big = [[one] for one in range(300_000)]
                con = sqlite3.connect(":memory:")
                ran("made")
            """,
            changes="""
                df["b"] = df.a * 10
                big.append("more")
                con.execute("CREATE TABLE t AS SELECT 5 AS n")
                changed = True
                ran("changes")
            """,
            uses=f"""
                changed
                used = [
                    *df.b, len(big), *con.execute("SELECT n FROM t"), beside.value({number})
                ]
                ran("uses")
            """,
            seen="s = mo.ui.switch()\nran(f'{used} {list(df.columns)} {len(big)}')",
        )

    path = notebook(1)
    (path.parent / "lib").mkdir()
    (path.parent / "lib" / "beside.py").write_text("def value(x):\n    return x\n")
    columns = "['a', 'b'] 300001"
    export(path, env)
    assert ran(path) == [
        *("made", "changes", "uses"),
        f"[10, 20, 300001, (5,), 1] {columns}",
    ]
    export(path, env)
    # The connection could not be saved.
    assert ran(path)[-1] == f"[10, 20, 300001, (5,), 1] {columns}"
    export(notebook(2), env)
    assert ran(path)[-1] == f"[10, 20, 300001, (5,), 2] {columns}"
    why = python(path, env, "-m", "marimo_cellar", "why", path.name, "changes")
    assert "Not cacheable: it changes what it does not define (df, big, con)." in why


def test_what_is_shown_looks_as_was_set(write: Write, env: dict[str, str]) -> None:
    path = write(
        "setting.py",
        imports="import decimal",
        made="""
            class Third:
                def _repr_html_(self):
                    return f"a third is {decimal.Decimal(1) / 3}"
            third = Third()
        """,
        shown="decimal.setcontext(decimal.Context(prec=5))\nthird",
    )
    for _ in range(2):
        assert "'a third is 0.33333'" in str(export(path, env).outputs)


def test_what_one_cell_takes_of_an_iterator_another_does_not_get(
    write: Write, env: dict[str, str]
) -> None:
    made = {
        "zipped": "zip([1, 2, 3], 'abc')",
        "generated": "(one for one in range(3))",
        "text": "io.StringIO('a\\nb\\nc\\n')",
        "file": "open('lines.txt')",
    }

    def notebook(more: str) -> Any:
        cells = {f"makes_{name}": f"{name} = {code}" for name, code in made.items()}
        for name in made:
            cells[f"takes_{name}"] = f"first_{name} = next({name})"
            cells[f"has_{name}"] = f"first_{name}\nrest_{name} = [*{name}]{more}"
        seen = ", ".join(f"first_{name}, rest_{name}" for name in made)
        return write(
            "taking.py", imports="import io", **cells, seen=f"ran(str([{seen}]))"
        )

    path = notebook("")
    (path.parent / "lines.txt").write_text("a\nb\nc\n")
    export(path, env)
    (first,) = ran(path)
    export(notebook("[:]"), env)
    export(path, env)
    assert set(ran(path)) <= {first}
    path.unlink()
    export(notebook(" + []"), env)
    assert set(ran(path)) <= {first}


def test_what_other_cells_changed_is_part_of_the_key(
    write: Write, env: dict[str, str]
) -> None:
    def runs(**cells: str) -> list[str]:
        path = write("changed.py", **made | cells)
        export(path, env)
        return ran(path)

    made = {
        "imports": "import sqlite3",
        "classes": """
            class Model:
                def fit(self, y):
                    self.mean = sum(y) / len(y)
                def get_params(self):
                    return {}
        """,
        "y": "y = [1, 2]",
        "model": "model = Model()",
        "fitted": "model.fit(y)",
        "predicted": "ran('predicted')\npredicted = model.mean",
        "connection": """
            connection = sqlite3.connect(":memory:")
            _ = connection.execute("CREATE TABLE people (name)")
        """,
        "filled": "_ = connection.execute(\"INSERT INTO people VALUES ('a')\")",
        "counted": """
            ran('counted')
            counted = connection.execute("SELECT count(*) FROM people").fetchone()[0]
        """,
        "other": "ran('other')\nother = Model()",
        "seen": "s = mo.ui.switch()\nother\nran(f'{predicted} {counted}')",
    }
    first = ["predicted", "counted", "other", "1.5 1"]
    assert runs() == first
    assert runs() == first[-1:]
    assert runs(y="y = [3, 4]") == ["predicted", "3.5 1"]
    filled = made["filled"].replace("('a')", "('a'), ('b')")
    assert runs(filled=filled) == ["counted", "1.5 2"]
    assert runs() == first[-1:]


def test_what_other_cells_changed_in_a_database_is_part_of_the_key(
    write: Write, env: dict[str, str]
) -> None:
    pytest.importorskip("duckdb")

    def runs(**cells: str) -> list[str]:
        path = write("tables.py", **made | cells)
        export(path, env)
        return ran(path)

    made = {
        "table": 'mo.sql(f"CREATE OR REPLACE TABLE people (name VARCHAR)")',
        "filled": "mo.sql(f\"INSERT INTO people VALUES ('a')\")",
        "counted": """
            ran('counted')
            counted = len(mo.sql(f"SELECT * FROM people", output=False))
        """,
        "made": 'mo.sql(f"CREATE OR REPLACE TABLE one AS SELECT 1 AS a")',
        "read": """
            ran('read')
            read = mo.sql(f"SELECT * FROM one", output=False)["a"][0]
        """,
        "seen": "s = mo.ui.switch()\nran(f'{counted} {read}')",
    }
    first = ["counted", "read", "1 1"]
    assert runs() == first
    assert runs() == first[-1:]
    filled = made["filled"].replace("('a')", "('a'), ('b')")
    assert runs(filled=filled) == ["counted", "2 1"]
    assert runs(made=made["made"].replace("1 AS", "2 AS")) == ["read", "1 2"]
    assert runs() == first[-1:]


def test_a_table_of_another_cell_is_changed_by_sql() -> None:
    code = "_df = mo.sql(f'INSERT INTO table VALUES ({1})')"
    assert changed_by(_cell(code)) == ["table"]
    assert changed_by(_cell("mo.sql('LOAD spatial')")) == ["mo.sql"]
    assert changed_by(_cell("mo.sql(f'SELECT * FROM table')")) == []
    assert changed_by(_cell("mo.sql(query)")) == []


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("SELECT 1", False),
        ("-- insert\nSELECT ';insert'; /* update */ SELECT 2;", False),
        ("(SELECT 1) UNION SELECT 2", False),
        ("SELECT 1; DROP TABLE a", True),
        ("-- Why.\nINSERT INTO a VALUES (1)", True),
    ],
)
def test_sql_is_told_by_its_statements(text: str, changes: bool) -> None:
    expected = ["con"] if changes else []
    assert changed_by(_cell(f"con.execute({text!r})")) == expected
    assert changed_by(_cell(f"con.execute(f{text!r})")) == expected
