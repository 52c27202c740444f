"""What is parsed is parsed in silence, and the process's warnings stay as they are."""

from __future__ import annotations

import ast
import threading
import warnings

import pytest

from marimo_cellar.notebook import parsing
from marimo_cellar.notebook.parsing import tree_of
from marimo_cellar.session.notebook_file import cells_in

CODE = 'pattern = "\\d.csv"'
NOTEBOOK = f"import marimo\napp = marimo.App()\n@app.cell\ndef _():\n    {CODE}\n"


def test_what_python_thinks_of_a_string_is_not_said() -> None:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        assert cells_in(NOTEBOOK, [CODE]) is not None
        assert tree_of(CODE) is not None
    assert said == []


def test_kernels_of_one_process_leave_its_warnings_as_they_were(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first_began, second_began, first_ended = (threading.Event() for _ in range(3))

    def parse(code: str) -> ast.Module:
        if code == "first":
            first_began.set()
            # In vain, if one waits for the other.
            second_began.wait(1)
        else:
            second_began.set()
            first_ended.wait(20)
        return ast.Module([], [])

    before = list(warnings.filters)
    first, second = (
        threading.Thread(target=parsing.parsed, args=[name])
        for name in ("first", "second")
    )
    # Which puts them back, should they not be.
    with warnings.catch_warnings(), monkeypatch.context() as patch:
        patch.setattr(ast, "parse", parse)
        first.start()
        first_began.wait(20)
        second.start()
        first.join()
        first_ended.set()
        second.join()
        after = list(warnings.filters)
    assert after == before
