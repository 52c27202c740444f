"""Edits that marimo's digest of code does not show: a cell is not served what it was."""

from __future__ import annotations

from collections.abc import Callable
from types import CodeType

import pytest
from marimo._save.hash import hash_module

from marimo_cellar._marimo.told_apart import digest_of_code
from tests.conftest import Write, ran
from tests.kernels import export

# Of each cell its code before an edit and after it. What a cell made is seen in another.
_EDITS = {
    "number": ("1", "2"),
    "text": ("import math\n'draft'", "import math\n'final'"),
    "folded": ("(1, -2)", "(1, -3)"),
    "literal": ("[1, 2]", "[1, 3]"),
    "nothing": ("3", "pass"),
    "quiet": ("len([1])", "len([1]);"),
    "loud": ("len([2]);", "len([2])"),
    "port": ("port = '5432'", "port = 5432"),
    "see_port": ("repr(port)", "repr(port)"),
    "flag": ("flag = None", "flag = 'None'"),
    "see_flag": ("repr(flag)", "repr(flag)"),
    # What marimo hashes by the code that it comes from.
    "made": (
        "made = type('Made', (), {'of': '1'})()",
        "made = type('Made', (), {'of': 1})()",
    ),
    "see_made": ("repr(made.of)", "repr(made.of)"),
    "pair": ("def pair(a):\n    return [a, '1']", "def pair(a):\n    return [a, 1]"),
    "see_pair": ("str(pair(0))", "str(pair(0))"),
    "many": ("def many(a):\n    return a", "def many(*a):\n    return a"),
    "see_many": ("str(many(0))", "str(many(0))"),
    "kept": (
        "@mo.persistent_cache\ndef kept(a):\n    return [a, '(1,)']",
        "@mo.persistent_cache\ndef kept(a):\n    return [a, (1,)]",
    ),
    "see_kept": ("str(kept(0))", "str(kept(0))"),
    "cost": (
        "cost = f'It costs {port!r}$ today'",
        "cost = f'It costs ${port!r} today'",
    ),
    "around": ("before = ''\nafter = '!'", "before = '!'\nafter = ''"),
    "see_around": ("before + '-' + after", "before + '-' + after"),
    "date": (
        "import datetime\ndate = datetime.date(2024, 1, 12)",
        "import datetime\ndate = datetime.date(2024, 11, 2)",
    ),
    "see_date": ("str(date)", "str(date)"),
    "caught": (
        "try:\n    caught = [1]\n    caught[1]\nexcept IndexError:\n    caught = []",
        "try:\n    caught = [1]\nexcept IndexError:\n    caught = []\n"
        "else:\n    caught[1]",
    ),
    "see_caught": ("len(caught)", "len(caught)"),
}


def test_an_edit_that_the_digest_does_not_show_is_not_missed(
    write: Write, env: dict[str, str]
) -> None:
    def shown(edit: int, cached: bool = True) -> list[object]:
        cells = {name: codes[edit] for name, codes in _EDITS.items()}
        name = "cached.py" if cached else "plain.py"
        return export(write(name, cached=cached, **cells), env).outputs

    before, after = shown(0, cached=False), shown(1, cached=False)
    assert [shown(edit) for edit in (0, 1, 0)] == [before, after, before]


def test_equal_cells_but_for_what_they_show_are_not_served_one_anothers(
    write: Write, env: dict[str, str]
) -> None:
    cells = {"one": "1", "two": "2", "none": "pass", "list": "[1]", "quiet": "[1];"}
    plain = export(write("plain.py", cached=False, **cells), env).outputs
    notebook = write("shown.py", **cells)
    for _ in range(2):
        assert export(notebook, env).outputs == plain


def test_a_cell_that_shows_a_constant_is_served(
    write: Write, env: dict[str, str]
) -> None:
    notebook = write("served.py", done="ran('done')\n'done'", quiet="ran('quiet');")
    export(notebook, env)
    assert sorted(ran(notebook)) == ["done", "quiet"]
    export(notebook, env)
    assert ran(notebook) == []


def _code(text: str) -> CodeType:
    return compile(text, "cell", "exec")


@pytest.mark.parametrize(
    "text",
    [
        "x = 1\ny = 'one'\nz = [1, 2.5, None, 'a (b)', '2024-01-01']",
        "def f(a, b=2):\n    'Adds.'\n    return a + b",
        "import numpy as np\nnp.zeros((3, 4))",
        "f(1, 50)\ng('one', 'two', 30)",
        "f(256, 1000)\ng('one', 0.25, 42, True)",
        "x.replace(': ', '-- ')",
        "f'a {x} b'",
        "with open('a') as file:\n    x = [one for one in file]",
    ],
)
def test_other_code_goes_by_marimos_digest(text: str) -> None:
    assert digest_of_code(_code(text)) == hash_module(_code(text))


@pytest.mark.parametrize(
    ("one", "another"),
    [
        ("x = 1", "x = '1'"),
        ("x = -1.5e-7", "x = '-1.5e-07'"),
        ("x = 2j", "x = '2j'"),
        ("x = ...", "x = 'Ellipsis'"),
        ("x = b'a'", "x = \"b'a'\""),
        ("x = (1, 'a')", "x = \"(1, 'a')\""),
        ("f(1, '2')", "f('1', 2)"),
        ("def f(a):\n return a", "def f(*a):\n return a"),
        ("def f(a):\n return a", "def f(*, a):\n return a"),
        ("def f(*a):\n return a", "def f(**a):\n return a"),
        ("class A:\n x = 1", "class A:\n x = '1'"),
        ("f(1, 12)", "f(11, 2)"),
        ("f(1, 2, 34)", "f(1, 23, 4)"),
        ("f('', 'a')", "f('a', '')"),
        ("f('', None)", "f(None, '')"),
        ("f'a {x}$ b'", "f'a ${x} b'"),
        ("f'a{x}% b'", "f'a%{x} b'"),
        (
            "def f():\n try:\n  a()\n  b()\n except E:\n  c()",
            "def f():\n try:\n  a()\n except E:\n  c()\n else:\n  b()",
        ),
        (
            "try:\n with a:\n  b()\n c()\nexcept E:\n d()",
            "try:\n with a:\n  b()\nexcept E:\n d()\nelse:\n c()",
        ),
    ],
)
def test_code_is_told_apart(one: str, another: str) -> None:
    digest: Callable[[CodeType], bytes] = digest_of_code
    assert digest(_code(one)) != digest(_code(another))
