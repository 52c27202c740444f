"""Whole notebooks through real kernels: what a user has of the cache."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.conftest import Write, outcomes, ran
from tests.kernels import cache_of, change, export, query

DATA = """
    import pandas as pd
    ran("data")
    df = pd.DataFrame({"n": range(200_000), "word": ["a", "b"] * 100_000})
    df
"""


@pytest.fixture
def chain(write: Write) -> Path:
    return write(
        "chain.py",
        data=DATA,
        total='ran("total"); total = int(df["n"].sum()); total',
        _='ran("text"); words = f"{total} in all"; mo.md(words)',
    )


def test_a_second_run_is_served_from_the_cache(
    chain: Path, env: dict[str, str]
) -> None:
    first = export(chain, env)
    assert ran(chain) == ["data", "total", "text"]
    before = query(chain, "SELECT max(lookup_id) FROM lookups")[0][0]
    second = export(chain, env)
    assert ran(chain) == []
    assert set(outcomes(chain, before).values()) == {"hit"}
    assert second.outputs == first.outputs != []
    assert query(chain, "SELECT sum(hits) FROM entries") == [(4,)]


def test_results_are_as_without_cellar(
    chain: Path, env: dict[str, str], plain_env: dict[str, str], tmp_path: Path
) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    for file in chain.parent.iterdir():
        (plain / file.name).write_bytes(file.read_bytes())
    for _ in range(2):
        ours = export(chain, env)
        stock = export(plain / chain.name, plain_env)
        assert ours.outputs == stock.outputs
    assert not (cache_of(plain / chain.name) / "cache.db").exists()


def test_values_lie_in_the_database_and_the_blobs_alone(
    chain: Path, env: dict[str, str]
) -> None:
    export(chain, env)
    cache = cache_of(chain)
    files = {
        path.relative_to(cache).as_posix()
        for path in cache.rglob("*")
        if path.is_file()
    }
    files = {name for name in files if not name.startswith("cache.db")}
    blobs = {name for name in files if name.startswith("blobs/")}
    assert [Path(name).suffix for name in blobs] == [".arrow"]
    files -= blobs
    # marimo's own list of the notebook's keys, which holds no value.
    files = {
        name for name in files if not re.fullmatch(r"chain-[0-9a-f]{16}\.json", name)
    }
    assert files == {".gitignore", "CACHEDIR.TAG"}
    assert (cache / ".gitignore").read_text().splitlines()[-1] == "*"
    tag = (cache / "CACHEDIR.TAG").read_text()
    assert tag.startswith("Signature: 8a477f597d28d172789f06886806bc55\n")


def test_who_the_cell_is_goes_with_its_entry(chain: Path, env: dict[str, str]) -> None:
    export(chain, env)
    assert query(chain, "SELECT path FROM apps") == [("../../chain.py",)]
    cells = query(
        chain,
        "SELECT name, ordinal, defs, retired_at FROM cells ORDER BY ordinal",
    )
    assert [(name, json.loads(defs)) for name, _, defs, _ in cells] == [
        (None, ["mo", "ran"]),
        ("data", ["df", "pd"]),
        ("total", ["total"]),
        (None, ["words"]),
    ]
    assert [ordinal for _, ordinal, _, _ in cells] == [0, 1, 2, 3]
    # The text's cell stands on three others, each with its node.
    (parents,) = query(
        chain,
        "SELECT parents FROM nodes JOIN cells USING (cell_id) WHERE ordinal = 3",
    )[0]
    assert len(json.loads(parents)) == 2
    assert query(chain, "SELECT count(*) FROM nodes JOIN sources USING (code_digest)")[
        0
    ] == (4,)
    rows = query(
        chain,
        "SELECT runtime, versions, node = (SELECT node FROM nodes"
        " WHERE nodes.cell_id = entries.cell_id) FROM entries",
    )
    for runtime, versions, same in rows:
        assert runtime >= 0
        assert set(json.loads(versions)) == {"marimo", "python", "cache"}
        assert all(json.loads(versions).values())
        assert same == 1


def test_a_value_and_its_output_share_one_blob(
    chain: Path, env: dict[str, str]
) -> None:
    export(chain, env)
    assert query(
        chain,
        "SELECT group_concat(name), count(DISTINCT digest) FROM items"
        " WHERE format = 'arrow'",
    ) == [("df,return", 1)]


def test_clearing_one_cell_is_a_miss_for_it_and_for_no_other(
    chain: Path, env: dict[str, str]
) -> None:
    export(chain, env)
    ran(chain)
    change(
        chain,
        "DELETE FROM entries WHERE cell_id ="
        " (SELECT cell_id FROM cells WHERE name = 'total')",
    )
    before = query(chain, "SELECT max(lookup_id) FROM lookups")[0][0]
    export(chain, env)
    assert ran(chain) == ["total"]
    met = outcomes(chain, before)
    assert met.pop("total") == "miss"
    assert set(met.values()) == {"hit"}


def test_a_cell_is_known_again_after_edits_moves_and_restarts(
    chain: Path, write: Write, env: dict[str, str]
) -> None:
    export(chain, env)
    ids = dict(query(chain, "SELECT coalesce(name, code), cell_id FROM cells"))
    write(
        "chain.py",
        _new='extra = "an inserted cell"',
        total='ran("total"); total = int(df["n"].max()); total',
        data="    # A comment, which does not count." + DATA,
    )
    export(chain, env)
    now = dict(
        query(
            chain,
            "SELECT coalesce(name, code), cell_id FROM cells WHERE retired_at IS NULL",
        )
    )
    assert now["data"] == ids["data"] and now["total"] == ids["total"]
    (gone,) = query(chain, "SELECT code FROM cells WHERE retired_at IS NOT NULL")
    assert "in all" in gone[0]


def test_notebooks_with_an_equal_cell_share_bytes_but_not_rows(
    write: Write, env: dict[str, str]
) -> None:
    one = write("one.py", data=DATA)
    two = write("two.py", data=DATA)
    export(one, env)
    assert ran(one) == ["data"]
    export(two, env)
    # The other notebook's entry answered, and this one has a row of its own now.
    assert ran(two) == []
    sql = (
        "SELECT path, hits, created_at FROM entries JOIN cells USING (cell_id)"
        " JOIN apps USING (app_id) WHERE name = 'data' ORDER BY path"
    )
    rows = query(one, sql)
    assert [row[:2] for row in rows] == [("../../one.py", 0), ("../../two.py", 1)]
    assert rows[0][2] == rows[1][2]
    assert query(one, "SELECT count(*) FROM blobs WHERE file IS NOT NULL") == [(1,)]
    # Cleared in one, it stays a hit in the other, and does not come back by it.
    change(
        one,
        "DELETE FROM entries WHERE cell_id IN (SELECT cell_id FROM cells"
        " JOIN apps USING (app_id) WHERE path = '../../one.py' AND name = 'data')",
    )
    change(
        one,
        "UPDATE cells SET cleared_at = strftime('%s', 'now') + 1"
        " WHERE name = 'data' AND app_id ="
        " (SELECT app_id FROM apps WHERE path = '../../one.py')",
    )
    export(two, env)
    assert ran(two) == []
    export(one, env)
    assert ran(one) == ["data"]


def test_long_frames_are_written_in_batches_and_hit_downstream(
    write: Write, env: dict[str, str]
) -> None:
    pytest.importorskip("polars")
    notebook = write(
        "frames.py",
        _frames="""
            import pandas as pd
            import polars as pl
            ran("frames")
            left = pd.DataFrame({"n": range(150_000)}, index=range(1, 150_001))
            series = left["n"]
            right = pl.DataFrame({"n": range(150_000)})
            column = right["n"]
        """,
        _sums="""
            ran("sums")
            sums = (left.n.sum(), series.sum(), right["n"].sum(), column.sum())
            str((sums, left.index[0]))
        """,
    )
    first = export(notebook, env)
    assert ran(notebook) == ["frames", "sums"]
    second = export(notebook, env)
    assert ran(notebook) == []
    assert first.outputs == second.outputs

    import pyarrow as pa

    items = query(
        notebook,
        "SELECT name, file FROM items JOIN blobs USING (digest) WHERE format = 'arrow'",
    )
    assert {name for name, _ in items} == {"left", "series", "right", "column"}
    for _, file in items:
        with pa.ipc.open_file(str(cache_of(notebook) / "blobs" / file)) as reader:
            sizes = [
                reader.get_batch(index).num_rows
                for index in range(reader.num_record_batches)
            ]
        assert sum(sizes) == 150_000
        assert max(sizes) <= 65_536


def test_a_save_that_takes_long_is_there_after_the_export(
    write: Write, env: dict[str, str]
) -> None:
    notebook = write(
        "slow.py",
        last="""
            import time

            class Slow:
                def __reduce__(self):
                    time.sleep(2)
                    return (str, ("restored",))

            ran("last")
            slow = [Slow()]
            import numpy as np
            big = np.zeros(8_000_000)
        """,
    )
    export(notebook, env)
    assert ran(notebook) == ["last"]
    assert query(
        notebook,
        "SELECT items.name FROM items JOIN cells USING (cell_id)"
        " WHERE cells.name = 'last' ORDER BY items.name",
    ) == [("big",), ("manifest",), ("slow",)]
    export(notebook, env)
    assert ran(notebook) == []


def test_a_value_that_cannot_be_saved_leaves_the_rest_cached(
    write: Write, env: dict[str, str]
) -> None:
    notebook = write(
        "lock.py",
        lock='import threading; ran("lock"); lock = threading.Lock(); kept = [1]',
        use='ran("use"); used = kept + [2]',
    )
    export(notebook, env)
    ran(notebook)
    export(notebook, env)
    assert "use" not in ran(notebook)
