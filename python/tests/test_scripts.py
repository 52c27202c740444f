"""`python notebook.py`, with the store `sqlite` in the user's configuration."""

from __future__ import annotations

from pathlib import Path

import marimo
import pytest

from tests.conftest import Write, outcomes, ran
from tests.kernels import cache_of, export, python, query

SETTING = (
    '[experimental.cache]\nstore = "sqlite"\n'
    if marimo.__version__ == "0.24.0"
    else '[cache.store]\ntype = "sqlite"\n'
)


def script(notebook: Path, env: dict[str, str]) -> str:
    """What a run of the notebook as a script printed."""
    return python(notebook, env, str(notebook))


@pytest.fixture
def configured(env: dict[str, str]) -> dict[str, str]:
    """An environment whose user has chosen the store `sqlite`."""
    file = Path(env["XDG_CONFIG_HOME"]) / "marimo" / "marimo.toml"
    file.parent.mkdir(parents=True)
    file.write_text(SETTING)
    return env


@pytest.fixture
def notebook(write: Write) -> Path:
    path = write(
        "script.py",
        cached=False,
        function="""
            @mo.persistent_cache
            def twice(x):
                ran("twice")
                return [x * 2]
        """,
        block="""
            with mo.persistent_cache("block"):
                ran("block"); four = [4]
        """,
        lazy="""
            @mo.persistent_cache(method="lazy")
            def thrice(x):
                ran("thrice")
                return [x * 3]
        """,
        calls="print(twice(2), four, thrice(1))",
    )
    with path.open("a") as file:
        file.write('if __name__ == "__main__":\n    app.run()\n')
    return path


def owners(notebook: Path) -> list[tuple[str, str, str]]:
    return [
        tuple(row)
        for row in query(
            notebook,
            "SELECT cells.name, cache_name, loader FROM entries JOIN cells"
            " USING (cell_id) ORDER BY cache_name",
        )
    ]


OWNERS = [
    ("block", "block", "pickle"),
    ("lazy", "thrice", "lazy"),
    ("function", "twice", "pickle"),
]


def test_a_script_and_a_kernel_serve_each_other(
    notebook: Path, configured: dict[str, str], env: dict[str, str]
) -> None:
    first = script(notebook, configured)
    assert "[4] [4] [3]" in first and "Cellar" not in first
    assert ran(notebook) == ["block", "twice", "thrice"]
    assert owners(notebook) == OWNERS
    assert query(notebook, "SELECT min(runtime) >= 0 FROM entries") == [(1,)]
    # Nothing lies in files of marimo's.
    assert not list(cache_of(notebook).rglob("*_*.pickle"))
    # A script, and then a kernel, are served; use is counted in both.
    assert script(notebook, configured) == first
    export(notebook, env)
    assert ran(notebook) == []
    assert owners(notebook) == OWNERS
    assert query(notebook, "SELECT DISTINCT hits FROM entries") == [(2,)]
    assert set(outcomes(notebook).values()) == {"hit"}
    # And the other way round.
    notebook.write_text(notebook.read_text().replace("[4]", "[5]"))
    export(notebook, env)
    assert ran(notebook) == ["block"]
    assert "[4] [5] [3]" in script(notebook, configured)
    assert ran(notebook) == []


def test_in_a_kernel_the_setting_changes_nothing(
    write: Write, configured: dict[str, str]
) -> None:
    notebook = write("cells.py", one='ran("one"); x = 1', two="y = x + 1")
    export(notebook, configured)
    export(notebook, configured)
    assert ran(notebook) == ["one"]
    assert query(
        notebook,
        "SELECT cells.name, cache_name, hits FROM entries JOIN cells USING (cell_id)"
        " WHERE cells.name NOT NULL ORDER BY 1",
    ) == [("one", "cell_cache", 1), ("two", "cell_cache", 1)]


def test_without_the_setting_scripts_are_marimos(
    notebook: Path, env: dict[str, str]
) -> None:
    script(notebook, env)
    assert not (cache_of(notebook) / "cache.db").exists()
    assert list(cache_of(notebook).rglob("*.pickle"))


def test_several_stores_stay_marimos(
    notebook: Path, configured: dict[str, str]
) -> None:
    table, kind = SETTING[1:].split("\n")[0].replace("]", ""), SETTING.split()[1]
    (Path(configured["XDG_CONFIG_HOME"]) / "marimo" / "marimo.toml").write_text(
        "".join(f'[[{table}]]\n{kind} = "{name}"\n' for name in ("sqlite", "file"))
    )
    for _ in range(2):
        assert "[4] [4] [3]" in script(notebook, configured)
    assert ran(notebook) == ["block", "twice", "thrice"]
    # marimo writes to each of them.
    assert list(cache_of(notebook).rglob("*_*.pickle"))
    assert query(notebook, "SELECT count(*) FROM entries") != [(0,)]
