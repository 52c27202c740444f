"""Modules of the user's own that results were made by, and those that changed since."""

from __future__ import annotations

import functools
import importlib
import json
import os
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from marimo_cellar.entries import imported
from marimo_cellar.entries.modules import modules_of, names_run
from marimo_cellar.entries.workspace import Workspace
from tests.conftest import Write, ran
from tests.kernels import export, python, query
from tests.servers import serve

HELPER = """
import deeper

def value(x):
    return x + {n}

def constant(x):
    return CONSTANT

def default(x, y={n}):
    return y

CONSTANT = {n}

class Model:
    def fit(self):
        return deeper.depth(), {n}
"""
DEEPER = "def depth():\n    return {n}\n"


def put(folder: Path, helper: int = 1, deeper: int = 1) -> None:
    (folder / "helper.py").write_text(HELPER.format(n=helper))
    (folder / "deeper.py").write_text(DEEPER.format(n=deeper))


def changed(notebook: Path) -> dict[str, list[str]]:
    """The files that each cell's last lookup told of, by the cell's name."""
    rows = query(
        notebook,
        "SELECT name, reasons FROM lookups JOIN cells USING (cell_id)"
        " LEFT JOIN reasons USING (lookup_id) WHERE name NOT NULL ORDER BY lookup_id",
    )
    last: dict[str, list[dict[str, Any]]] = {
        name: json.loads(text or "[]") for name, text in rows
    }
    return {
        name: [one["path"] for one in found if one["kind"] == "file"]
        for name, found in last.items()
        if any(one["kind"] == "file" for one in found)
    }


def test_hits_whose_modules_have_changed_are_told(
    write: Write, env: dict[str, str]
) -> None:
    notebook = write(
        "modules.py",
        imported="import helper, json",
        names="from helper import value, Model",
        by_module="ran('by_module'); by_module = helper.value(1)",
        by_name="ran('by_name'); by_name = value(1)",
        by_class="ran('by_class'); by_class = Model().fit()",
        within="""
            def twice(x):
                return [helper.value(each) for each in (x, x)]
        """,
        by_function="ran('by_function'); by_function = twice(2)",
        function="""
            @mo.persistent_cache
            def kept(x):
                ran("kept")
                return helper.value(x)
        """,
        called="called = kept(1)",
        of_its_own="import deeper as _own\nof_its_own = _own.depth()",
        none="none = json.dumps(1)",
    )
    put(notebook.parent)
    export(notebook, env)
    ran(notebook)
    export(notebook, env)
    assert ran(notebook) == []
    assert changed(notebook) == {}

    # What is only touched is as it was.
    put(notebook.parent)
    put(notebook.parent, deeper=2)
    export(notebook, env)
    assert ran(notebook) == []
    # Cells that only import, or define, are as they were.
    assert changed(notebook) == {
        name: ["deeper.py"]
        for name in ("by_module", "by_class", "by_function", "called", "of_its_own")
    }
    told = python(notebook, env, "-m", "marimo_cellar", "why", notebook.name)
    assert "deeper.py has changed since" in told

    # A function that is hashed by its code needs nobody to tell.
    put(notebook.parent, helper=2, deeper=2)
    export(notebook, env)
    assert ran(notebook) == ["by_name"]
    assert changed(notebook)["by_class"] == ["deeper.py", "helper.py"]
    assert "by_name" not in changed(notebook)


@pytest.fixture
def helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    put(tmp_path)
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "__init__.py").write_text("")
    (tmp_path / "pack" / "part.py").write_text("import pack\nN = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("helper", "deeper", "pack", "pack.part"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return importlib.import_module("helper")


def paths(folder: Path, *values: Any, hashed: tuple[str, ...] = ()) -> list[str]:
    used = {str(number): value for number, value in enumerate(values)}
    workspace = Workspace(folder / "nb.py", [])
    return sorted(one.path for one in modules_of(used, hashed, workspace))


def test_modules_are_found_by_what_is_used_of_them(
    helper: ModuleType, tmp_path: Path
) -> None:
    both = ["deeper.py", "helper.py"]
    assert paths(tmp_path, helper) == both
    assert paths(tmp_path, helper.Model) == both
    assert paths(tmp_path, helper.Model()) == both
    assert paths(tmp_path, helper.value) == both
    assert paths(tmp_path, helper.value, hashed=("0",)) == []
    # Its code does not say what these are.
    assert paths(tmp_path, helper.constant, hashed=("0",)) == both
    assert paths(tmp_path, helper.default, hashed=("0",)) == both
    assert paths(tmp_path, functools.partial(helper.value, 1)) == both
    assert paths(tmp_path, functools.lru_cache(helper.value)) == both
    assert paths(tmp_path, helper.deeper) == ["deeper.py"]
    assert paths(tmp_path, json, Path, 1, "a", [helper], None) == []


def test_names_are_those_that_run_with_the_cell() -> None:
    code = """
@a.b
def shown(x=c):
    return d(x)
class Kind(e):
    f = g
    def method(self): return h
def _own(): return i
k = [l for l in m if shown(lambda: n)]
"""
    run = names_run(code, called=False)
    assert run >= {"a", "c", "e", "g", "m", "n", "shown"}
    assert not run & {"b", "d", "f", "h", "i", "k"}
    assert names_run(code, called=True) >= {"a", "d", "h", "i"}
    assert names_run("a b", called=False) == frozenset()


def test_a_module_of_a_package_comes_with_the_package(
    helper: ModuleType, tmp_path: Path
) -> None:
    part = importlib.import_module("pack.part")
    assert paths(tmp_path, part) == ["pack/__init__.py", "pack/part.py"]


def test_a_module_is_what_it_was_when_it_was_first_seen(
    helper: ModuleType, tmp_path: Path
) -> None:
    workspace = Workspace(tmp_path / "nb.py", [])

    def size() -> int:
        found = modules_of({"helper": helper}, (), workspace)
        return next(one.size for one in found if one.path == "helper.py")

    before = size()
    put(tmp_path, helper=1000)
    # The former code is what runs.
    assert size() == before
    importlib.reload(helper)
    assert size() == before + 12


def test_a_module_is_as_it_was_when_what_uses_it_began(
    helper: ModuleType, tmp_path: Path
) -> None:
    imported.note_modules()
    workspace = Workspace(tmp_path / "nb.py", [])
    # It is edited while that computes.
    put(tmp_path, helper=1000)
    (found,) = modules_of({"value": helper.value}, (), workspace)[:1]
    assert found.size == len(HELPER.format(n=1))
    assert (tmp_path / "helper.py").stat().st_size == len(HELPER.format(n=1000))


def test_modules_that_are_reloaded_are_used_again(
    write: Write, env: dict[str, str], tmp_path: Path
) -> None:
    notebook = write(
        "reloading.py",
        imported="import helper",
        names="from helper import constant, value",
        by_module="ran('by_module'); by_module = helper.value(1)",
        by_name="ran('by_name'); by_name = value(1)",
        by_constant="ran('by_constant'); by_constant = constant(1)",
        function="""
            @mo.persistent_cache
            def kept(x):
                ran("kept")
                return helper.value(x)
        """,
        called="ran('called'); called = kept(1)",
        below="ran('below'); below = [called]",
        other="ran('other'); other = 1",
        seen="s = mo.ui.switch(); ran(f'{by_module} {by_name} {by_constant} {below}')",
    )
    setting = '# auto_reload = "lazy"\n'
    notebook.write_text(notebook.read_text().replace("# cache", f"{setting}# cache", 1))
    put(notebook.parent)
    then = time.time()
    using = ["by_constant", "by_module", "by_name", "called", "kept", "below"]
    with (
        serve("edit", notebook, env=env, log=tmp_path / "log") as server,
        server.client(notebook, "tab") as tab,
    ):
        ready = tab.wait_for("kernel-ready")[-1]["data"]
        tab.post("kernel/instantiate", {"objectIds": [], "values": [], "autoRun": True})
        tab.wait_for("completed-run")
        assert sorted(ran(notebook)) == sorted([*using, "other", "2 2 1 [2]"])
        for number in (5, 5, 1):
            put(notebook.parent, helper=number)
            os.utime(notebook.parent / "helper.py", (then + 10 * number,) * 2)
            then += 100
            body = {"cellIds": ready["cell_ids"], "codes": ready["codes"]}
            tab.post("kernel/run", body)
            tab.wait_for("completed-run")
            found = ran(notebook)
            told = f"{number + 1} {number + 1} {number} [{number + 1}]"
            assert found[-1] == told
            assert set(found[:-1]) <= set(using)
            if number == 1:
                # What is found by its key alone comes from the cache, as it was then.
                assert set(using) - set(found) == {"by_name", "below"}
    why = python(notebook, env, "-m", "marimo_cellar", "why", notebook.name)
    assert "Not from the cache: helper.py has changed since." in why
