"""Real kernels say why a cell was not served: each reason, and no other."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from marimo_cellar.commands.why import _Met, _sentence
from marimo_cellar.lookups import reasons
from marimo_cellar.notebook.titles import title_of
from tests.conftest import Write
from tests.kernels import PACKAGE, change, export, put_instead, python, query

FIXTURE = PACKAGE.parent / "test" / "fixtures" / "reasons.json"
TITLES = FIXTURE.with_name("titles.json")


@pytest.mark.parametrize("case", json.loads(FIXTURE.read_text("utf-8")))
def test_each_reason_has_its_sentence(case: dict[str, Any]) -> None:
    titles = {int(cell): title for cell, title in case.get("titles", {}).items()}
    found = reasons.parse(json.dumps(case["reasons"]))
    sentence = reasons.sentence(found, titles.get)
    assert sentence == case["sentence"]
    not_cacheable = "Not cacheable: " in (sentence or "")
    assert not_cacheable == case.get("notCacheable", False)


@pytest.mark.parametrize("case", json.loads(TITLES.read_text("utf-8")))
def test_a_cell_without_a_name_is_called_as_in_the_editor(case: dict[str, str]) -> None:
    assert title_of(None, case["code"]) == case["title"]


@pytest.mark.parametrize("text", [None, b"[]", "", "{", "7", "[7, {}, {'kind': 1}]"])
def test_what_is_no_list_of_reasons_is_none(text: object) -> None:
    assert reasons.parse(text) == []


class Told:
    """What the lookups of a notebook's last run were told by."""

    def __init__(self, notebook: Path, env: dict[str, str]) -> None:
        self._notebook, self._env = notebook, env
        self._since = 0

    def run(self) -> dict[str, tuple[str, list[dict[str, Any]]]]:
        """Outcome and reasons of each cell's last lookup in a run, by its name."""
        done = export(self._notebook, self._env)
        assert "Cellar" not in done.printed, done.printed
        rows = query(
            self._notebook,
            "SELECT lookup_id, name, outcome, why, reasons FROM lookups"
            " JOIN cells USING (cell_id) LEFT JOIN reasons USING (lookup_id)"
            " WHERE name NOT NULL AND lookup_id > ? ORDER BY lookup_id",
            self._since,
        )
        self._since = max([row[0] for row in rows], default=self._since)
        told = {}
        for _, name, outcome, why, text in rows:
            found = list(map(dict, reasons.parse(text)))
            if outcome == "miss":
                assert why == reasons.sentence(found)
            told[name] = outcome, found
        return told

    def misses(self) -> dict[str, list[dict[str, Any]]]:
        """The reasons of those that missed, without what cells are called."""
        return {
            name: [
                {key: value for key, value in one.items() if key != "title"}
                for one in found
            ]
            for name, (outcome, found) in self.run().items()
            if outcome == "miss"
        }


def cell_id(notebook: Path, name: str) -> int:
    ((found,),) = query(notebook, "SELECT cell_id FROM cells WHERE name = ?", name)
    assert isinstance(found, int)
    return found


def test_edits_are_told_at_the_cells_that_they_cost(
    write: Write, env: dict[str, str]
) -> None:
    cells = {
        "start": "start = 3",
        # An object of a class of the notebook: by what code made it, it is hashed.
        "model": "class Model:\n    size = start\nmodel = Model()",
        "use": "used = model.size + 1",
        "alone": "alone = 5",
    }
    notebook = write("edits.py", **cells)
    told = Told(notebook, env)
    assert told.misses() == {name: [{"kind": "first"}] for name in cells}
    assert told.misses() == {}

    # Comments and layout are no change; a name of its own is.
    cells["alone"] = "alone =  6  # six"
    write("edits.py", **cells)
    assert told.misses() == {"alone": [{"kind": "own_code"}]}

    cells["model"] = "class Model:\n    size = start * 2\nmodel = Model()"
    write("edits.py", **cells)
    model = {"kind": "upstream", "cell": cell_id(notebook, "model")}
    assert told.misses() == {"model": [{"kind": "own_code"}], "use": [model]}

    # What `start` is, is hashed by its content; what `model` is, by the code above.
    cells["start"] = "start = 4"
    write("edits.py", **cells)
    start = cell_id(notebook, "start")
    misses = told.misses()
    assert misses["start"] == [{"kind": "own_code"}]
    assert misses["model"] == [
        {"kind": "upstream", "cell": start},
        {"kind": "input", "name": "start", "cell": start},
    ]
    assert {"kind": "upstream", "cell": start} in misses["use"]
    assert "alone" not in misses


def test_the_values_that_are_hashed_tell_whether_an_edit_above_matters(
    write: Write, env: dict[str, str]
) -> None:
    cells = {"one": "one = 1", "other": "other = 1", "both": "both = one + other"}
    notebook = write("values.py", **cells)
    told = Told(notebook, env)
    told.run()
    # The same value by another code: what is below it hits.
    write("values.py", **{**cells, "one": "one = len('1')"})
    assert told.misses() == {"one": [{"kind": "own_code"}]}
    # Both codes above are new then, and one value is.
    write("values.py", **{**cells, "one": "one = len('2')", "other": "other = 5"})
    one, other = cell_id(notebook, "one"), cell_id(notebook, "other")
    assert sorted(told.misses()["both"], key=str) == sorted(
        [
            {"kind": "upstream", "cell": one},
            {"kind": "upstream", "cell": other},
            {"kind": "input", "name": "other", "cell": other},
        ],
        key=str,
    )


def test_cells_that_came_between_or_went_are_told(
    write: Write, env: dict[str, str]
) -> None:
    plain = {"make": "class A:\n    n = 1\na = A()", "use": "used = a.n"}
    notebook = write("between.py", **plain)
    told = Told(notebook, env)
    told.run()
    write(
        "between.py",
        **{**plain, "make": "class A:\n    n = 2", "instance": "a = A()"},
    )
    assert told.misses()["use"] == [
        {"kind": "upstream_gone", "cell": cell_id(notebook, "make")},
        {"kind": "upstream_new", "cell": cell_id(notebook, "instance")},
    ]


def test_a_modules_version_is_told_and_by_whom_it_is_used(
    write: Write, env: dict[str, str], tmp_path: Path
) -> None:
    notebook = write(
        "module.py",
        imports="import things",
        direct="direct = things.value + 1",
        made="class Made:\n    n = things.value\nmade = Made()",
        below="below = made.n",
        apart="apart = 1",
    )
    module = notebook.parent / "things.py"
    module.write_text("__version__ = '1.0'\nvalue = 3\n")
    told = Told(notebook, env)
    told.run()
    module.write_text("__version__ = '1.1'\nvalue = 3\n")
    misses = told.misses()
    version = {"kind": "module", "name": "things", "before": "1.0", "now": "1.1"}
    assert misses["direct"] == [version]
    assert misses["below"] == [version]
    assert "apart" not in misses


def test_what_was_removed_or_does_not_serve_is_told(
    write: Write, env: dict[str, str]
) -> None:
    names = ("evicted", "cleared", "gone", "damaged", "unsigned", "fine")
    cells = {
        f"is_{name}": f"{name} = '{name}' * {number}"
        for number, name in enumerate(names, 65)
    }
    notebook = write("removed.py", **cells)
    told = Told(notebook, env)
    told.run()
    entry = (
        "(SELECT entry_id FROM entries JOIN cells USING (cell_id) WHERE name = 'is_{}')"
    )
    change(
        notebook,
        "INSERT INTO ghosts (hash, cache_name, cache_type, loader, at, size, seconds,"
        " reason, evicted) SELECT hash, cache_name, cache_type, loader, 9e9, 1, 1,"
        f" 'room', 0 FROM entries WHERE entry_id = {entry.format('evicted')}",
    )
    for name in ("evicted", "cleared", "gone"):
        change(notebook, f"DELETE FROM entries WHERE entry_id = {entry.format(name)}")
    change(notebook, "UPDATE cells SET cleared_at = 9e9 WHERE name = 'is_cleared'")
    change(
        notebook,
        "UPDATE blobs SET content = zeroblob(length(content)) WHERE content NOT NULL"
        " AND digest IN (SELECT digest FROM items WHERE entry_id ="
        f" {entry.format('damaged')})",
    )
    unsign(notebook, entry.format("unsigned"))
    assert told.misses() == {
        "is_evicted": [{"kind": "evicted", "why": "room"}],
        "is_cleared": [{"kind": "cleared"}],
        "is_gone": [{"kind": "gone"}],
        "is_damaged": [{"kind": "damaged"}],
        "is_unsigned": [{"kind": "unsigned"}],
    }


def unsign(notebook: Path, entry: str) -> None:
    """Takes the signature from an entry's manifest, and seals it again."""
    ((key, content),) = query(
        notebook,
        "SELECT key, content FROM items JOIN blobs USING (digest)"
        f" WHERE name = 'manifest' AND entry_id = {entry}",
    )
    manifest = json.loads(content)
    for field in ("signature", "signer_public_key", "blob_hashes"):
        manifest["meta"].pop(field, None)
    put_instead(notebook, key, json.dumps(manifest).encode())


def test_what_cannot_be_cached_is_told_with_the_reason(
    write: Write, env: dict[str, str]
) -> None:
    notebook = write(
        "never.py",
        slider="slider = mo.ui.slider(1, 9)",
        lock="import threading\nlock = threading.Lock()\nn = 3",
        locks="used, spare = threading.Lock(), threading.Lock()",
        user="n, used",
        lacks="both = 1\nif both > 1:\n    rare = 2",
        fails="{}['nothing']",
        stops="mo.stop(True)",
        changes="import os\nos.environ['SET'] = 'here'",
    )
    told = Told(notebook, env)
    first = told.run()
    raised = {"kind": "raised", "name": "KeyError"}
    stopped = {"kind": "raised", "name": "mo.stop"}
    ui = {"kind": "ui", "names": ["slider"]}
    lock = {"kind": "unpicklable", "names": ["lock"], "unused": ["lock"]}
    nothing = {"kind": "first"}
    assert first["slider"] == ("miss", [nothing, ui])
    assert first["lock"] == ("miss", [nothing, lock])
    locks = {
        "kind": "unpicklable",
        "names": ["spare", "used"],
        "unused": ["spare"],
    }
    assert first["locks"] == ("miss", [nothing, locks])
    # As a table is that a cell makes in a database: marimo saves nothing of the cell.
    lacks = {"kind": "unpicklable", "names": ["rare"]}
    assert first["lacks"] == ("miss", [nothing, lacks])
    assert first["fails"] == ("miss", [nothing, raised])
    assert first["stops"] == ("miss", [nothing, stopped])
    changes = {"kind": "changes", "names": ["os.environ"]}
    assert first["changes"] == ("miss", [nothing, changes])
    again = told.run()
    # marimo loads its values, and runs the cell all the same: nothing is saved by that.
    assert again["slider"] == ("hit", [ui])
    # What nobody uses is not missed.
    assert again["lock"][0] == "hit"
    saved = query(notebook, "SELECT name, hits FROM savings JOIN cells USING (cell_id)")
    assert ("lock", 1) in saved and "slider" not in dict(saved)
    assert again["fails"] == ("miss", [{"kind": "unsaved"}, raised])
    assert again["changes"] == ("miss", [{"kind": "unsaved"}, changes])


def test_that_a_full_disk_had_no_room_for_a_result_is_told(
    write: Write, env: dict[str, str]
) -> None:
    notebook = write("full.py", big="import disk\ndisk.fill()\nbig = 1")
    (notebook.parent / "disk.py").write_text(
        "from marimo_cellar.entries import blobs\n"
        "def fill():\n"
        "    def prepare(*_):\n"
        "        raise OSError(28, 'No space left on device')\n"
        "    blobs.prepare = prepare\n"
    )
    export(notebook, env)
    ((written,),) = query(
        notebook,
        "SELECT reasons FROM reasons JOIN lookups USING (lookup_id)"
        " JOIN cells USING (cell_id) WHERE name = 'big'",
    )
    assert json.loads(written) == [{"kind": "first"}, {"kind": "full"}]


def test_what_only_the_cell_itself_can_use_does_not_keep_it_from_the_cache(
    write: Write, env: dict[str, str]
) -> None:
    def ran() -> list[str]:
        return sorted((tmp / "ran.txt").read_text().split())

    note = 'with open("ran.txt", "a") as _file:\n    _file.write("{0}\\n")\n'
    notebook = write(
        "local.py",
        handle=note.format("handle"),
        slider=note.format("slider") + "_slider = mo.ui.slider(1, 9)\n_slider",
        shared=note.format("shared") + "shared = mo.ui.slider(1, 9)",
    )
    tmp = notebook.parent
    told = Told(notebook, env)
    first = told.run()
    nothing = {"kind": "first"}
    assert first["handle"] == ("miss", [nothing])
    assert first["slider"] == ("miss", [nothing])
    assert first["shared"] == ("miss", [nothing, {"kind": "ui", "names": ["shared"]}])
    assert ran() == ["handle", "shared", "slider"]
    told.run()
    # What marimo ran a second time is what we said of it.
    assert ran() == ["handle", "shared", "shared", "slider"]


def test_functions_and_blocks_are_told_by_their_arguments_and_names(
    write: Write, env: dict[str, str]
) -> None:
    def cells(factor: int) -> dict[str, str]:
        return {
            "factor": f"factor = {factor}",
            "function": """
                @mo.persistent_cache
                def times(n):
                    return n * 2
            """,
            "block": """
                with mo.persistent_cache(name="block"):
                    product = times(factor)
            """,
        }

    notebook = write("parts.py", cached=False, **cells(3))
    told = Told(notebook, env)
    told.run()
    write("parts.py", cached=False, **cells(4))
    misses = told.misses()
    assert {"kind": "input", "name": "n"} in misses["function"]
    factor = cell_id(notebook, "factor")
    assert {"kind": "input", "name": "factor", "cell": factor} in misses["block"]


def test_an_argument_is_not_taken_for_the_variable_of_a_cell_below(
    write: Write, env: dict[str, str]
) -> None:
    def cells(word: str) -> dict[str, str]:
        return {
            "function": """
                @mo.persistent_cache
                def shout(text):
                    return text.upper()
            """,
            "report": f"text = shout({word!r})",
        }

    notebook = write("arguments.py", cached=False, **cells("buy"))
    told = Told(notebook, env)
    told.run()
    write("arguments.py", cached=False, **cells("sell"))
    assert told.misses()["function"] == [{"kind": "input", "name": "text"}]


def test_each_call_of_an_edited_function_is_told_by_its_code(
    write: Write, env: dict[str, str]
) -> None:
    def cells(number: int, *asked: int) -> dict[str, str]:
        return {
            "function": f"""
                @mo.persistent_cache
                def ask(x):
                    return x + {number}
            """,
            "answers": f"answers = [ask(x) for x in {asked}]",
        }

    notebook = write("edited.py", cached=False, **cells(1, 1, 2))
    export(notebook, env)
    write("edited.py", cached=False, **cells(2, 1, 2, 3))
    export(notebook, env)
    rows = query(
        notebook,
        "SELECT reasons FROM lookups JOIN reasons USING (lookup_id)"
        " WHERE cache_name = 'ask' ORDER BY lookup_id",
    )
    kinds = [[one["kind"] for one in reasons.parse(text)] for (text,) in rows]
    assert kinds[-3:] == [["own_code"], ["own_code"], ["input"]]


def test_a_cell_that_runs_each_time_is_not_said_to_come_from_the_cache() -> None:
    last = _Met("hit", 0.0, 0.1)
    assert _sentence(last).startswith("From the cache")
    for kind, met in (("ui", "Computed again, though"), ("file", "From the cache")):
        reason = {"kind": kind, "names": ["slider"]}
        assert _sentence(replace(last, reasons=(reason,))).startswith(met)


def test_what_comes_from_the_cache_is_said_to_once() -> None:
    last = _Met("hit", 0.0, 0.1)
    gone = _sentence(replace(last, why="From the cache, but data.csv is gone."))
    assert gone.count("From the cache") == 1 and gone.endswith(
        ", but data.csv is gone."
    )
    kept = _sentence(replace(last, why="Saved in part: plot."))
    assert kept.startswith("From the cache, ") and kept.endswith(
        ". Saved in part: plot."
    )
    assert _sentence(last).endswith(".") and "  " not in _sentence(last)


def test_the_last_lookup_is_the_one_that_was_written_last(
    write: Write, env: dict[str, str]
) -> None:
    notebook = write("ahead.py", one="x = 1")
    export(notebook, env)
    change(notebook, "UPDATE lookups SET at = at + 100000, outcome = 'miss'")
    export(notebook, env)
    printed = python(
        notebook, env, "-m", "marimo_cellar", "why", str(notebook), "one", "--json"
    )
    assert '"hit"' in printed and '"miss"' not in printed, printed
