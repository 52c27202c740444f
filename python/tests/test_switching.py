"""Notebooks that ran without Cellar go on with it."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from tests.conftest import Write, outcomes, ran
from tests.kernels import cache_of, change, export, query


@pytest.fixture
def chain(write: Write) -> Path:
    return write(
        "chain.py",
        data="""
            import pandas as pd
            ran("data")
            df = pd.DataFrame({"n": range(100_000)})
            df
        """,
        total='ran("total"); total = int(df["n"].sum()); total',
        _='ran("text"); words = f"{total} in all"; mo.md(words)',
    )


def clear_as_vscode(notebook: Path, cell: str) -> None:
    which = "(SELECT cell_id FROM cells WHERE name = ?)"
    change(notebook, f"DELETE FROM entries WHERE cell_id IN {which}", cell)
    change(
        notebook,
        f"UPDATE cells SET cleared_at = ? WHERE cell_id IN {which}",
        time.time(),
        cell,
    )


def test_switching_to_cellar_costs_no_recomputation(
    chain: Path, env: dict[str, str], plain_env: dict[str, str]
) -> None:
    first = export(chain, plain_env)
    assert ran(chain) == ["data", "total", "text"]
    second = export(chain, env)
    assert ran(chain) == []
    assert second.outputs == first.outputs
    assert set(outcomes(chain).values()) == {"hit"}
    assert query(
        chain,
        "SELECT cells.name, runtime, hits FROM entries JOIN cells USING (cell_id)"
        " ORDER BY ordinal",
    ) == [(None, None, 1), ("data", None, 1), ("total", None, 1), (None, None, 1)]
    shutil.rmtree(cache_of(chain) / "cell_cache")
    export(chain, env)
    assert ran(chain) == []


def test_what_vscode_cleared_is_not_brought_back_by_a_file(
    chain: Path, env: dict[str, str], plain_env: dict[str, str]
) -> None:
    export(chain, plain_env)
    export(chain, env)
    ran(chain)
    clear_as_vscode(chain, "total")
    export(chain, env)
    assert ran(chain) == ["total"]
    export(chain, env)
    assert ran(chain) == []


@pytest.mark.parametrize("method", ["pickle", "json", "lazy"])
def test_persistent_caches_are_taken_over_and_cleared(
    method: str, write: Write, env: dict[str, str], plain_env: dict[str, str]
) -> None:
    def notebook(after: str = "") -> Path:
        return write(
            "methods.py",
            cached=False,
            twice=f"""
                @mo.persistent_cache(method="{method}")
                def twice(x):
                    ran("twice")
                    return {{"n": [x * 2]}}
            """,
            block=f"""
                with mo.persistent_cache("block", method="{method}"):
                    ran("block")
                    four = [4, 4.5, "four"]
            """,
            calls=f"{after}\nshown = str((twice(2), four)); shown",
        )

    first = export(notebook(), plain_env)
    assert sorted(ran(notebook())) == ["block", "twice"]
    assert export(notebook(), env).outputs == first.outputs
    assert ran(notebook()) == []
    assert query(
        notebook(),
        "SELECT cells.name, loader FROM entries JOIN cells USING (cell_id) ORDER BY 1",
    ) == [("block", method), ("twice", method)]
    export(notebook("twice.cache_clear()"), env)
    assert ran(notebook()) == ["twice"]
