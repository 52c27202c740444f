"""What a cell printed is shown when it comes from the cache, as when it runs."""

from __future__ import annotations

import pytest

from marimo_cellar._marimo import printed
from tests import kernels
from tests.conftest import Write, ran

PRINTING = """
import sys
import warnings
ran('make')
print('score:', 0.97)
print('did not converge', file=sys.stderr)
warnings.warn('few samples')
print('done')
score = 0.97
"""


def test_what_a_cell_printed_is_shown_again(write: Write, env: dict[str, str]) -> None:
    notebook = write("printed.py", make=PRINTING, use="score + 1")
    first = kernels.export(notebook, env)
    assert ran(notebook) == ["make"]
    assert ("stdout", "score: 0.97\n") in first.console
    again = kernels.export(notebook, env)
    assert ran(notebook) == []
    assert again.console == first.console
    assert again.warned == []


def test_what_was_printed_before_is_none_of_the_next_cells(
    write: Write, env: dict[str, str]
) -> None:
    notebook = write(
        "silent.py", make="ran('make')\nprint('loud')\nmade = 1", use="ran('use')\nmade"
    )
    for runs in (["make", "use"], []):
        assert kernels.export(notebook, env).console == [("stdout", "loud\n")]
        assert ran(notebook) == runs
    assert kernels.query(
        notebook,
        "SELECT cells.name, format FROM items JOIN cells USING (cell_id)"
        " WHERE items.name = 'console output'",
    ) == [("make", "json")]


@pytest.mark.parametrize(
    "text",
    ["", "no JSON", '[{"modules": "x"}]', '[["stdout", "x"]]', '[{"stdout": 1}]'],
)
def test_a_cell_is_served_without_what_it_printed(
    text: str, write: Write, env: dict[str, str]
) -> None:
    notebook = write(
        "strange.py", make="ran('make')\nprint('loud')\nmade = 1", use="made"
    )
    kernels.export(notebook, env)
    ((key,),) = kernels.query(
        notebook, "SELECT key FROM items WHERE name = 'console output'"
    )
    kernels.put_instead(notebook, key, text.encode())
    assert ran(notebook) == ["make"]
    again = kernels.export(notebook, env)
    assert ran(notebook) == []
    assert again.console == []


def test_streams_keep_their_order_and_are_joined() -> None:
    notes = printed._Notes("cell")
    for stream, text in (
        ("stdout", "a"),
        ("stdout", "b\n"),
        ("stderr", "c"),
        ("stdout", "d"),
    ):
        notes.add(stream, text)
    assert notes.all() == [{"stdout": "ab\n"}, {"stderr": "c"}, {"stdout": "d"}]


def test_of_a_progress_bar_the_last_is_kept() -> None:
    notes = printed._Notes("cell")
    for percent in range(101):
        notes.add("stderr", f"\r{percent:3}%")
    notes.add("stderr", "\nWindows\r\nends lines so\r\n")
    assert notes.all() == [{"stderr": "100%\nWindows\r\nends lines so\r\n"}]
    bar = printed._Notes("cell")
    bar.add("stderr", "\r 50%")
    bar.add("stderr", "\r    \r")
    assert bar.all() == []


def test_of_too_much_the_end_is_kept() -> None:
    notes = printed._Notes("cell")
    for number in range(1_000_000):
        notes.add("stdout" if number % 3 else "stderr", f"line {number}\n")
        assert notes._length <= printed._WAITING + 20
    kept = [text for part in notes.all() for text in part.values()]
    assert sum(map(len, kept)) == printed._MOST
    assert kept[-1] == "line 999999\n"
