"""Cached functions that come with a module, which may be another notebook: edited within
their module, they are called anew."""

from __future__ import annotations

from textwrap import dedent

import pytest

from tests.conftest import Write, ran
from tests.kernels import export

_NOTEBOOK = """
import marimo

app = marimo.App()

with app.setup:
    import marimo as mo
    from trace import ran

@app.function
@mo.persistent_cache
def chained(a):
    ran("chained")
    return doubled(a)

@app.function
def doubled(a):
    return added(a) * 2

@app.function
def added(a):
    return a + N

@app.class_definition
class Kind:
    n = N

    @mo.persistent_cache
    def method(self, a):
        ran("method")
        return self.times_two(a)

    def times_two(self, a):
        return doubled(a)

@app.function
@mo.persistent_cache(method="lazy")
def of_class(a):
    ran("of_class")
    return [a + Kind.n]

@app.function
@mo.persistent_cache
def of_cached(a):
    ran("of_cached")
    return chained(a)

@app.function
@mo.persistent_cache
def other(a):
    ran("other")
    return a
"""
_MODULE = (
    _NOTEBOOK.replace("app = marimo.App()", "")
    .replace("with app.setup:\n    ", "")
    .replace("    from trace", "from trace")
    .replace("@app.function\n", "")
    .replace("@app.class_definition\n", "")
)


@pytest.mark.parametrize("text", [_NOTEBOOK, _MODULE], ids=["notebook", "module"])
def test_a_cached_function_of_a_module_depends_on_all_that_it_does_there(
    write: Write, env: dict[str, str], text: str
) -> None:
    notebook = write(
        "calling.py",
        # Which the module has another one of.
        own="added = 'not the function of that name'",
        calls=dedent("""
            import book

            s = mo.ui.switch()
            called = book.chained(1), book.Kind().method(1), *book.of_class(1)
            ran(f"{(*called, book.of_cached(1), book.other(1))}")
        """),
    )
    all_but_other = ["chained", "method", "of_class", "of_cached"]
    for number, expected in (
        (1, [*all_but_other, "other"]),
        (1, []),
        (5, all_but_other),
        (1, []),
    ):
        book = notebook.with_name("book.py")
        book.write_text(text.replace("N\n", f"{number}\n"))
        run = export(notebook, env)
        twice = (1 + number) * 2
        values = f"{(twice, twice, 1 + number, twice, 1)}"
        assert ran(notebook) == [*expected, values], run.printed


def test_a_cached_function_of_an_embedded_notebook_depends_on_all_that_it_does(
    write: Write, env: dict[str, str]
) -> None:
    notebook = write(
        "embedding.py",
        book="import book",
        embeds=dedent("""
            s = mo.ui.switch()
            embedded = await book.app.embed()
            ran(str(embedded.defs["called"]))
        """),
    )
    cell = """
@app.cell
def calls():
    called = [chained(1), *of_class(1), of_cached(1)]
    return (called,)
"""
    each = ["chained", "of_class", "of_cached"]
    for number, expected in ((1, each), (1, []), (5, each), (1, [])):
        book = notebook.with_name("book.py")
        book.write_text((_NOTEBOOK + cell).replace("N\n", f"{number}\n"))
        run = export(notebook, env)
        twice = (1 + number) * 2
        assert ran(notebook) == [*expected, f"{[twice, 1 + number, twice]}"], (
            run.printed
        )
