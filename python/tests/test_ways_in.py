"""Every way a value comes to the cache, and those that stay marimo's."""

from __future__ import annotations

from pathlib import Path

import marimo
import pytest

from tests.conftest import Write, outcomes, ran
from tests.kernels import cache_of, export, query
from tests.servers import serve

METHODS = ("pickle", "json", "lazy")


@pytest.mark.parametrize("method", METHODS)
def test_persistent_cache_by_each_method(
    method: str, write: Write, env: dict[str, str]
) -> None:
    notebook = write(
        "methods.py",
        cached=False,
        decorated=f"""
            @mo.persistent_cache(method="{method}")
            def twice(x):
                ran("twice")
                return {{"n": [x * 2]}}
        """,
        wrapped=f"""
            def triple(x):
                ran("triple")
                return x * 3
            thrice = mo.persistent_cache(triple, method="{method}")
        """,
        block=f"""
            with mo.persistent_cache("block {method}", method="{method}"):
                ran("block")
                four = [4, 4.5, "four"]
        """,
        calls="shown = str((twice(2), twice(3), thrice(3), four)); shown",
    )
    first = export(notebook, env)
    assert sorted(ran(notebook)) == ["block", "triple", "twice", "twice"]
    second = export(notebook, env)
    assert ran(notebook) == []
    assert first.outputs == second.outputs
    # A function's result belongs to the cell that defines it, not to the caller.
    assert query(
        notebook,
        "SELECT cells.name, cache_name, loader, count(*) FROM entries"
        " JOIN cells USING (cell_id) GROUP BY 1, 2 ORDER BY 1",
    ) == [
        ("block", f"block {method}", method, 1),
        ("decorated", "twice", method, 2),
        ("wrapped", "triple", method, 1),
    ]
    assert query(notebook, "SELECT min(runtime) >= 0 FROM entries") == [(1,)]
    assert set(outcomes(notebook).values()) == {"hit"}


def test_a_cached_function_called_on_a_thread_and_one_imported(
    write: Write, env: dict[str, str]
) -> None:
    notebook = write(
        "threads.py",
        cached=False,
        here="""
            @mo.persistent_cache
            def slow(x):
                ran("slow")
                return x + 1
        """,
        _use="""
            import threading
            import library
            results = []
            thread = threading.Thread(target=lambda: results.append(slow(1)))
            thread.start()
            thread.join()
        """,
        caller="imported = library.far(5)",
    )
    (notebook.parent / "library.py").write_text(
        "import marimo as mo\n"
        "from trace import ran\n"
        "@mo.persistent_cache\n"
        "def far(x):\n"
        "    ran('far')\n"
        "    return x\n"
    )
    export(notebook, env)
    assert sorted(ran(notebook)) == ["far", "slow"]
    export(notebook, env)
    assert ran(notebook) == []
    assert query(
        notebook,
        "SELECT cache_name, cells.name FROM entries JOIN cells USING (cell_id)"
        " ORDER BY cache_name",
    ) == [("far", "caller"), ("slow", "here")]


def test_a_store_or_a_path_of_ones_own_stays_so(
    write: Write, env: dict[str, str]
) -> None:
    notebook = write(
        "own.py",
        cached=False,
        path="""
            with mo.persistent_cache("mine", save_path="elsewhere"):
                ran("path"); one = 1
        """,
        store="""
            from marimo._save.stores import FileStore
            @mo.persistent_cache(store=FileStore("third"))
            def two():
                ran("store")
                return 2
            two()
        """,
    )
    export(notebook, env)
    assert sorted(ran(notebook)) == ["path", "store"]
    export(notebook, env)
    assert ran(notebook) == []
    assert list((notebook.parent / "elsewhere").rglob("*.pickle"))
    assert list((notebook.parent / "third").rglob("*.pickle"))
    assert not (cache_of(notebook) / "cache.db").exists()


def test_a_configured_store_stays_so(write: Write, env: dict[str, str]) -> None:
    notebook = write(
        "configured.py", one='ran("one"); x = 1', two="ran('two'); y = x + 1"
    )
    # 0.24.0 knows the setting by another name.
    table, kind = (
        ("experimental.cache", "store")
        if marimo.__version__ == "0.24.0"
        else ("cache.store", "type")
    )
    (notebook.parent / "pyproject.toml").write_text(
        f'[tool.marimo.{table}]\n{kind} = "file"\n'
    )
    export(notebook, env)
    export(notebook, env)
    assert not (cache_of(notebook) / "cache.db").exists()
    assert list(cache_of(notebook).rglob("*.jsonl"))


def test_an_embedded_app_has_the_cache_of_its_own_notebook(
    write: Write, env: dict[str, str], tmp_path: Path
) -> None:
    inner = write(
        "inner.py",
        cached=False,
        folder=tmp_path / "library",
        value="""
            with mo.persistent_cache("deep"):
                ran("value"); value = 42
        """,
    )
    outer = write(
        "outer.py",
        load=f"""
            import sys
            sys.path.insert(0, {str(inner.parent)!r})
            from inner import app as inner_app
        """,
        embed="embedded = await inner_app.embed(); shown = embedded.defs['value']",
    )
    outer.write_text(outer.read_text().replace("def embed()", "async def embed()"))
    export(outer, env)
    export(outer, env)
    # The two folders have a module `trace` each: the first imported counts for both.
    assert ran(inner) + ran(outer) == ["value"]
    assert query(
        inner,
        "SELECT path, cells.name, cache_name FROM entries JOIN cells USING (cell_id)"
        " JOIN apps USING (app_id)",
    ) == [("../../inner.py", "value", "deep")]


def test_an_app_made_in_a_cell_does_not_pass_for_the_notebook(
    write: Write, env: dict[str, str]
) -> None:
    notebook = write(
        "maker.py",
        make="""
            import marimo
            made = marimo.App()
            @made.cell
            def _():
                import marimo as mo
                from trace import ran
                @mo.persistent_cache
                def kept(x):
                    ran("made")
                    return x + 1
                value = kept(6)
                return (value,)
        """,
        embed="embedded = await made.embed(); shown = embedded.defs['value']",
    )
    notebook.write_text(
        notebook.read_text().replace("def embed()", "async def embed()")
    )
    for _ in range(2):
        export(notebook, env)
    retired = query(notebook, "SELECT count(*) FROM cells WHERE retired_at NOT NULL")
    assert retired == [(0,)]
    assert query(
        notebook,
        "SELECT path FROM entries JOIN cells USING (cell_id) JOIN apps USING (app_id)"
        " WHERE cache_name = 'kept'",
    ) == [("unsaved",)]


def test_several_notebooks_in_one_process_do_not_mix(
    write: Write, env: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "apps"
    notebooks = [
        write(
            f"{name}.py",
            folder=folder,
            one=f'ran("{name}"); mine = "{name}" * 3; mine',
            two=f"""
                @mo.persistent_cache
                def same_name(x):
                    ran("{name} call")
                    return [x, mine]
                same_name(1)
            """,
        )
        for name in ("red", "blue")
    ]
    # marimo makes its signing key at first use; kernels that do so at the same
    # moment do not agree on one.
    export(write("key.py", one="x = 1"), env)
    with serve("run", folder, env=env, log=tmp_path / "log") as server:
        for session in ("first", "second"):
            with (
                server.client(notebooks[0], f"{session}0") as red,
                server.client(notebooks[1], f"{session}1") as blue,
            ):
                red.wait_for("completed-run")
                blue.wait_for("completed-run")
            if session == "first":
                assert sorted(ran(notebooks[0])) == [
                    "blue",
                    "blue call",
                    "red",
                    "red call",
                ]
        assert ran(notebooks[0]) == []
    rows = query(
        notebooks[0],
        "SELECT path, name, count(*) FROM entries JOIN cells USING (cell_id)"
        " JOIN apps USING (app_id) WHERE name IS NOT NULL GROUP BY 1, 2",
    )
    assert rows == [
        ("../../blue.py", "one", 1),
        ("../../blue.py", "two", 2),
        ("../../red.py", "one", 1),
        ("../../red.py", "two", 2),
    ]


def test_an_edit_session_keeps_its_cells_while_code_changes(
    write: Write, env: dict[str, str], tmp_path: Path
) -> None:
    notebook = write(
        "editing.py", first='ran("first"); x = 1', second='ran("second"); y = x + 1'
    )
    with (
        serve("edit", notebook, env=env, log=tmp_path / "log") as server,
        server.client(notebook, "tab") as tab,
    ):
        ready = tab.wait_for("kernel-ready")[-1]["data"]
        cell_ids = ready["cell_ids"]
        tab.post("kernel/instantiate", {"objectIds": [], "values": [], "autoRun": True})
        tab.wait_for("completed-run")
        assert ran(notebook) == ["first", "second"]
        ids = dict(query(notebook, "SELECT name, cell_id FROM cells"))
        # All of its code changes, and its name is not in the file's text any more.
        tab.post(
            "kernel/run",
            {"cellIds": [cell_ids[2]], "codes": ['ran("anew"); z = x + 100']},
        )
        tab.wait_for("completed-run")
        assert ran(notebook) == ["anew"]
        rows = query(
            notebook,
            "SELECT code FROM cells WHERE cell_id = ? AND retired_at IS NULL",
            ids["second"],
        )
        assert rows == [('ran("anew"); z = x + 100',)]
        assert query(
            notebook,
            "SELECT count(*) FROM entries WHERE cell_id = ?",
            ids["second"],
        ) == [(2,)]


def test_a_notebook_renamed_at_the_desk_or_behind_the_kernels_back_stays_itself(
    write: Write, env: dict[str, str], tmp_path: Path
) -> None:
    notebook = write(
        "before.py", first='ran("first"); x = 1', second='ran("second"); y = x + 1'
    )
    ids = "SELECT path, name, cell_id FROM apps JOIN cells USING (app_id) ORDER BY 3"
    with (
        serve("edit", notebook, env=env, log=tmp_path / "log") as server,
        server.client(notebook, "tab") as tab,
    ):
        cell_ids = tab.wait_for("kernel-ready")[-1]["data"]["cell_ids"]
        tab.post("kernel/instantiate", {"objectIds": [], "values": [], "autoRun": True})
        tab.wait_for("completed-run")
        before = query(notebook, ids)
        renamed = notebook.with_name("renamed.py")
        tab.post("kernel/rename", {"filename": str(renamed)})
        tab.post(
            "kernel/run",
            {"cellIds": [cell_ids[2]], "codes": ['ran("anew"); y = x + 2']},
        )
        tab.wait_for("completed-run")
        # A rename may be a run of its own, of the cells that ask for the name.
        while not query(renamed, "SELECT 1 FROM cells WHERE code LIKE '%anew%'"):
            tab.wait_for("completed-run")
    assert query(renamed, ids) == [
        (path.replace("before", "renamed"), *row) for path, *row in before
    ]
    moved = renamed.rename(notebook.with_name("moved.py"))
    export(moved, env)
    assert query(moved, ids) == [
        (path.replace("before", "moved"), *row) for path, *row in before
    ]
