"""What a key stands on besides code and values: folders that are watched, other notebooks,
and what functions have as attributes."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import Write, ran
from tests.kernels import export

_INNER = """
import marimo

app = marimo.App()

@app.cell
def _():
    x = {number}
    return (x,)

@app.cell
def _(x):
    y = [x, 2]
    return (y,)
"""


def test_what_reads_a_watched_folder_depends_on_what_is_in_it(
    write: Write, env: dict[str, str]
) -> None:
    notebook = write(
        "watching.py",
        watches="folder = mo.watch.directory(mo.notebook_dir() / 'data')",
        reads="names = sorted(one.name for one in folder.iterdir())\nran('reads')",
        seen="s = mo.ui.switch()\nran(f'{names}')",
    )
    (notebook.parent / "data").mkdir()
    (notebook.parent / "data" / "a.csv").touch()
    export(notebook, env)
    assert ran(notebook) == ["reads", "['a.csv']"]
    export(notebook, env)
    assert ran(notebook) == ["['a.csv']"]
    (notebook.parent / "data" / "b.csv").touch()
    export(notebook, env)
    assert ran(notebook) == ["reads", "['a.csv', 'b.csv']"]


def test_who_embeds_a_notebook_depends_on_its_cells(
    write: Write, env: dict[str, str]
) -> None:
    notebook = write(
        "embedding.py",
        imports="from inner import app as inner",
        embeds="embedded = await inner.embed()",
        uses="used = [*embedded.defs['y']]\nran('uses')",
        seen="s = mo.ui.switch()\nran(f'{used}')",
    )
    notebook.write_text(notebook.read_text().replace("def embeds", "async def embeds"))
    for number, ran_too in ((1, ["uses"]), (1, []), (5, ["uses"])):
        (notebook.parent / "inner.py").write_text(_INNER.format(number=number))
        export(notebook, env)
        assert ran(notebook) == [*ran_too, f"[{number}, 2]"]


def test_who_calls_a_function_depends_on_its_attributes(
    write: Write, env: dict[str, str]
) -> None:
    def notebook(number: int) -> Path:
        return write(
            "attributes.py",
            defines=f"""
                def times(x):
                    times.calls += 1
                    return x * times.factor
                times.factor = {number}
                times.calls = 0
            """,
            calls="called = times(2)\nran('calls')",
            again="again = called + times(3)\nran('again')",
            seen="s = mo.ui.switch()\nran(f'{called} {again}')",
        )

    for number, ran_too in (
        (10, ["calls", "again"]),
        # Which it counts itself, is no other function.
        (10, []),
        (100, ["calls", "again"]),
    ):
        path = notebook(number)
        export(path, env)
        assert ran(path) == [*ran_too, f"{2 * number} {5 * number}"]
