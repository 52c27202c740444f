"""What a cell printed or plotted is shown when it comes from the cache, as when it runs."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent

import pytest

from marimo_cellar._marimo import printed
from marimo_cellar.entries import keys
from marimo_cellar.entries.contents import Loaded
from marimo_cellar.entries.entries import EntryKey
from marimo_cellar.loaders.beside import printed_in
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
PLOTTING = """
import matplotlib.pyplot as plt
ran('make')
print('plotted:')
for power in (1, 2):
    plt.plot([n**power for n in range(9)])
    plt.show()
made = 1
"""
ENTRY = EntryKey("cell_cache", "P", "abc", "lazy")


def test_what_a_cell_printed_is_shown_again(write: Write, env: dict[str, str]) -> None:
    notebook = write("printed.py", make=PRINTING, use="score + 1")
    first = kernels.export(notebook, env)
    assert ran(notebook) == ["make"]
    assert ("stdout", "score: 0.97\n") in first.console
    again = kernels.export(notebook, env)
    assert ran(notebook) == []
    assert again.console == first.console
    assert again.warned == []


def test_what_is_printed_as_a_value_is_saved_loses_nothing(
    write: Write, env: dict[str, str]
) -> None:
    notebook = write(
        "saving.py",
        make="import loud; ran('make'); made = loud.Loud()",
        seen="s = mo.ui.switch(); ran(type(made).__name__)",
    )
    # Until no cell runs: what is printed then, marimo fails to write.
    notebook.with_name("loud.py").write_text(
        dedent("""
        import sys, time

        # That of a cell, which has one only while it runs.
        stream = sys.stderr

        class Loud:
            def __reduce__(self):
                for _ in range(500):
                    if stream._stream.cell_id is None:
                        break
                    time.sleep(0.01)
                print("saved", file=stream)
                return Loud, ()
        """)
    )
    first = kernels.export(notebook, env)
    assert ran(notebook) == ["make", "Loud"]
    assert not any("saved" in text for _, text in first.console)
    kernels.export(notebook, env)
    assert ran(notebook) == ["Loud"]


def test_what_it_plotted_is_shown_again(write: Write, env: dict[str, str]) -> None:
    pytest.importorskip("matplotlib")
    notebook = write("plotted.py", make=PLOTTING, use="made")
    first = kernels.export(notebook, env)
    assert ran(notebook) == ["make"]
    assert [kind for kind, _ in first.console].count("media") == 2
    again = kernels.export(notebook, env)
    assert ran(notebook) == []
    assert sorted(again.console) == sorted(first.console)


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


def printing(write: Write, env: dict[str, str]) -> tuple[Path, str]:
    """A notebook that has run, and the key of what its cell printed."""
    notebook = write("loud.py", make="ran('make')\nprint('loud')\nmade = 1", use="made")
    kernels.export(notebook, env)
    assert ran(notebook) == ["make"]
    ((key,),) = kernels.query(
        notebook, "SELECT key FROM items WHERE name = 'console output'"
    )
    return notebook, key


def test_what_nobody_signed_is_not_shown(write: Write, env: dict[str, str]) -> None:
    notebook, key = printing(write, env)
    kernels.put_instead(notebook, key, json.dumps([{"text/html": "evil"}]).encode())
    # It is made anew, as an entry is of which any other bytes were changed.
    assert kernels.export(notebook, env).console == [("stdout", "loud\n")]
    assert ran(notebook) == ["make"]
    kernels.change(notebook, "DELETE FROM items WHERE key = ?", key)
    assert kernels.export(notebook, env).console == []
    assert ran(notebook) == []


@pytest.mark.parametrize(
    ("signature", "hashes", "text", "expected"),
    [
        (None, {}, '[{"stdout": "x"}]', [{"stdout": "x"}]),
        ("by a key", {keys.console_of(ENTRY): "00"}, '[{"a/b": "x"}]', [{"a/b": "x"}]),
        ("by a key", {"another": "00"}, '[{"stdout": "x"}]', []),
        (None, {}, "no JSON", []),
        (None, {}, '[["stdout", "x"]]', []),
        (None, {}, '[{"stdout": 1}]', []),
    ],
)
def test_what_an_entry_says_was_printed(
    signature: str | None, hashes: dict[str, str], text: str, expected: object
) -> None:
    manifest = {"meta": {"signature": signature, "blob_hashes": hashes}}
    contents = {
        keys.key_of(ENTRY): json.dumps(manifest).encode(),
        keys.console_of(ENTRY): text.encode(),
    }
    assert printed_in(ENTRY, Loaded(contents, {})) == expected
    assert printed_in(ENTRY, Loaded({}, {})) == []


def test_streams_keep_their_order_and_are_joined() -> None:
    notes = printed._Notes()
    for kind, text in (
        ("stdout", "a"),
        ("stdout", "b\n"),
        ("stderr", "c"),
        ("image/png", "one"),
        ("image/png", "two"),
        ("stdout", "d"),
    ):
        notes.add(kind, text)
    assert notes.all() == [
        {"stdout": "ab\n"},
        {"stderr": "c"},
        {"image/png": "one"},
        {"image/png": "two"},
        {"stdout": "d"},
    ]


def test_of_a_progress_bar_the_last_is_kept() -> None:
    notes = printed._Notes()
    for percent in range(101):
        notes.add("stderr", f"\r{percent:3}%")
    notes.add("stderr", "\nWindows\r\nends lines so\r\n")
    assert notes.all() == [{"stderr": "100%\nWindows\r\nends lines so\r\n"}]
    bar = printed._Notes()
    bar.add("stderr", "\r 50%")
    bar.add("stderr", "\r    \r")
    assert bar.all() == []


def test_of_what_marimo_logs_nothing_is_kept() -> None:
    notes = printed._Notes()
    notes.add("stderr", "warned\n[W 261128 05:00:16 lazy:809] verification degraded\n")
    notes.add("stderr", "[E 261128 05:00:17 runtime:7] lost\n[not a log] kept\n")
    assert notes.all() == [{"stderr": "warned\n[not a log] kept\n"}]


def test_of_too_much_the_end_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(printed, "_MOST", 10_000)
    monkeypatch.setattr(printed, "_WAITING", 40_000)
    notes = printed._Notes()
    for number in range(10_000):
        notes.add("stdout", f"line {number}\n")
        assert len(notes._parts) <= 40_000 / printed._PART
    (part,) = notes.all()
    assert len(part["stdout"]) == 10_000
    assert part["stdout"].endswith("line 9999\n")
    # Of an image a part is of no use.
    notes.add("image/png", "x" * 9_990)
    notes.add("stdout", "the last line\n")
    assert notes.all() == [{"stdout": "the last line\n"}]


def test_of_streams_in_turn_so_many_are_kept_as_take_little_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(printed, "_MOST", 10_000)
    monkeypatch.setattr(printed, "_WAITING", 40_000)
    notes = printed._Notes()
    for number in range(10_000):
        notes.add("stdout" if number % 2 else "stderr", ".")
        assert len(notes._parts) <= 40_000 / printed._PART
    assert len(notes.all()) == pytest.approx(10_000 / printed._PART, abs=1)


def _stdout(run: kernels.Run) -> str:
    """Without what marimo logs meanwhile, on a thread, of what it cannot save."""
    return "".join(text for stream, text in run.console if stream == "stdout")


def test_what_the_cells_of_an_embedded_notebook_printed_is_shown_again(
    write: Write, env: dict[str, str]
) -> None:
    write("inner.py", inside="ran('inside')\nprint('inner')\nheld = 7")
    notebook = write(
        "outer.py",
        load="from inner import app as inner",
        show="print('before')\nresult = await inner.embed()\nprint('after')\nresult.output",
    )
    notebook.write_text(notebook.read_text().replace("def show", "async def show"))
    for runs in (["inside"], []):
        assert "before\ninner\nafter\n" in _stdout(kernels.export(notebook, env))
        assert ran(notebook) == runs


def test_what_a_served_cell_of_an_embedded_notebook_printed_is_shown_again(
    write: Write, env: dict[str, str]
) -> None:
    # As many cells, so that marimo gives both notebooks' the same ids.
    write("inner.py", first="made = 7", inside="ran('inside')\nprint('inner')")
    notebook = write(
        "outer.py",
        load="from inner import app as inner",
        show="print('before')\nran('show')\nresult = await inner.embed()\nprint('after')\n"
        "import threading\nthreading.Lock()",
    )
    notebook.write_text(notebook.read_text().replace("def show", "async def show"))
    for runs in (["show", "inside"], ["show"]):
        assert "before\ninner\nafter\n" in _stdout(kernels.export(notebook, env))
        assert ran(notebook) == runs
