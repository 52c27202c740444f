"""What marimo itself says of the cache: its panel, and its command line."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import marimo
import pytest

from tests.conftest import Write, ran
from tests.kernels import cache_of, export, python, query
from tests.servers import Client, serve

NEWER = not marimo.__version__.startswith("0.24.")
measures = pytest.mark.skipif(not NEWER, reason="0.24 measures nothing")


CALLS = "(len(large(b'x')), small(1), memory(1), memory(1))"


def bytes_in(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())


def cached_functions(notebook: Path) -> list[tuple[str, int]]:
    return [
        tuple(row)
        for row in query(
            notebook,
            "SELECT cache_name, count(*) FROM entries GROUP BY 1 ORDER BY 1",
        )
    ]


def test_the_panel_purges_what_it_says(
    write: Write, env: dict[str, str], tmp_path: Path
) -> None:
    notebook = write(
        "panel.py",
        cached=False,
        large="""
            @mo.persistent_cache
            def large(x):
                ran("large")
                return bytes(range(256)) * 1000 + x
        """,
        small="""
            @mo.persistent_cache
            def small(x):
                ran("small")
                return [x]
        """,
        memory="""
            @mo.cache
            def memory(x):
                ran("memory")
                return [x]
        """,
        block="""
            with mo.persistent_cache("a block"):
                ran("block"); kept = [1]
        """,
        calls=CALLS,
    )
    cache = cache_of(notebook)
    with (
        serve("edit", notebook, env=env, log=tmp_path / "log") as server,
        server.client(notebook, "tab") as tab,
    ):
        calls = tab.wait_for("kernel-ready")[-1]["data"]["cell_ids"][-1]
        tab.post("kernel/instantiate", {"objectIds": [], "values": [], "autoRun": True})
        tab.wait_for("completed-run")
        # What is in memory alone is not looked for in the database, nor kept there.
        assert sorted(ran(notebook)) == ["block", "large", "memory", "small"]
        assert cached_functions(notebook) == [
            ("a block", 1),
            ("large", 1),
            ("small", 1),
        ]
        told = settled_info(tab, cache)
        if NEWER:
            assert told["disk_total"] == bytes_in(cache)
            assert 256_000 < told["disk_to_free"] < 257_000

        # Purging clears the caches of functions, as it does without Cellar.
        tab.post("cache/clear", {})
        tab.wait_for("cache-cleared")
        assert cached_functions(notebook) == [("a block", 1)]
        assert list(cache.glob("blobs/*/*")) == []
        told = settled_info(tab, cache)
        if NEWER:
            assert told["disk_to_free"] == 0
            assert told["disk_total"] == bytes_in(cache)

        tab.post("kernel/run", {"cellIds": [calls], "codes": [CALLS]})
        tab.wait_for("completed-run")
        assert sorted(ran(notebook)) == ["large", "memory", "small"]
    assert "Cellar" not in (tmp_path / "log").read_text()


def settled_info(tab: Client, cache: Path) -> dict[str, Any]:
    """What the panel says while the folder keeps its size.

    A thread commits what was saved, and folds SQLite's log into the database, some time after the
    run has ended.
    """
    for _ in range(100):
        before = bytes_in(cache)
        told = info(tab)
        if bytes_in(cache) == before:
            return told
        time.sleep(0.1)
    raise AssertionError("the folder's size never settles")


def info(tab: Client) -> dict[str, Any]:
    tab.post("cache/info", {})
    told: dict[str, Any] = tab.wait_for("cache-info")[-1]["data"]
    return told


@measures
def test_the_command_line_knows_the_folder_and_its_bytes(
    write: Write, env: dict[str, str]
) -> None:
    from marimo._cli.cache.commands import format_bytes

    notebook = write("size.py", one="x = bytes(range(256)) * 1000", two="y = len(x)")
    export(notebook, env)
    folder = cache_of(notebook)
    assert marimo_cache("dir", notebook, env) == str(folder)
    said = marimo_cache("size", notebook, env).split("\t")
    # How many entries it counts is marimo's own business.
    assert said[:2] == [str(folder), format_bytes(bytes_in(folder))]
    # Also where the user names our store for scripts.
    config = Path(env["XDG_CONFIG_HOME"]) / "marimo" / "marimo.toml"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text('[cache.store]\ntype = "sqlite"\n')
    assert marimo_cache("size", notebook, env).split("\t") == said


def marimo_cache(command: str, notebook: Path, env: dict[str, str]) -> str:
    return python(
        notebook, env, "-m", "marimo", "cache", command, str(notebook)
    ).strip()
