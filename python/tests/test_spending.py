"""What results cost in money: said in cells, kept with the entries, counted as saved."""

from __future__ import annotations

from pathlib import Path

import pytest

import marimo_cellar
from marimo_cellar.cleaning import evicting
from marimo_cellar.database.database import database_in
from marimo_cellar.entries.entries import Cost
from marimo_cellar.session import spending
from marimo_cellar.settings.place import System
from marimo_cellar.settings.settings import find_settings
from tests import kernels
from tests.conftest import Write, ran

ASK = """
from concurrent.futures import ThreadPoolExecutor
from marimo_cellar import cost

@mo.persistent_cache
def asked(question):
    cost(0.25)
    ran("ask")
    return question.upper()
"""
ANSWERS = """
cost(0.5)
with ThreadPoolExecutor() as _pool:
    # On threads of the user's own, where marimo tells nobody which cell it is.
    list(_pool.map(cost, [0.01, 0.02]))
answers = asked("why")
ran("answers")
"""


def costs_of(notebook: Path) -> dict[str, float]:
    return dict(
        kernels.query(
            notebook,
            "SELECT CASE cache_name WHEN 'cell_cache' THEN name ELSE cache_name END,"
            " round(amount, 6) FROM costs JOIN entries USING (entry_id)"
            " JOIN cells USING (cell_id)",
        )
    )


def test_what_a_cell_says_it_cost_is_kept_and_counted_when_it_is_served(
    write: Write, env: dict[str, str]
) -> None:
    notebook = write("paid.py", ask=ASK, answers=ANSWERS, free="free = 1")
    run = kernels.export(notebook, env)
    assert ran(notebook) == ["ask", "answers"], run.printed
    # The cell pays for the function too, if both have to be made again.
    assert costs_of(notebook) == {"asked": 0.25, "answers": 0.78}
    assert kernels.query(
        notebook,
        "SELECT round(seconds, 6) FROM costs ORDER BY amount",
    ) == [(15.0,), (46.8,)]
    kernels.export(notebook, env)
    assert ran(notebook) == []
    # The function was not asked: its part is in the cell's.
    assert kernels.query(
        notebook,
        "SELECT name, hits, round(amount, 6) FROM savings"
        " JOIN cells USING (cell_id) WHERE amount > 0",
    ) == [("answers", 1, 0.78)]


def test_an_hour_has_a_price_where_a_project_says_so(
    write: Write, env: dict[str, str]
) -> None:
    notebook = write(
        "priced.py",
        slow="import time; time.sleep(0.3); slow = 1",
        paid="from marimo_cellar import cost; cost(0.5); paid = 2",
    )
    notebook.with_name("pyproject.toml").write_text(
        "[tool.cellar]\ncost_per_hour = 36\n"
    )
    kernels.export(notebook, env)
    rows = kernels.query(
        notebook,
        "SELECT name, runtime, amount, seconds FROM costs"
        " JOIN entries USING (entry_id) JOIN cells USING (cell_id)"
        " WHERE name IN ('paid', 'slow') ORDER BY name",
    )
    (paid, paid_runtime, paid_amount, worth), (slow, runtime, amount, none) = rows
    assert (paid, slow) == ("paid", "slow")
    assert amount == pytest.approx(runtime / 100)
    # The time itself is in the runtime, and counted once.
    assert none == 0
    assert paid_amount == pytest.approx(0.5 + paid_runtime / 100)
    assert worth == pytest.approx(50)


def test_what_was_paid_for_outlives_what_was_not(tmp_path: Path) -> None:
    database = database_in(tmp_path)
    store = marimo_cellar.SqliteStore(str(tmp_path))
    for name in ("a", "b"):
        assert store.put(f"block/P_{name}.pickle", name.encode() * 1000)
    with database.writing() as connection:
        connection.execute("UPDATE entries SET runtime = 1")
        connection.execute(
            "INSERT INTO costs SELECT entry_id, 0.42, 25.2 FROM entries WHERE hash = 'a'"
        )
        values = connection.execute("SELECT value, amount FROM retention").fetchall()
        order = connection.execute(
            "SELECT hash FROM retention JOIN entries USING (entry_id) ORDER BY priority"
        ).fetchall()
        connection.execute("UPDATE totals SET runtime = 2")
    assert sorted(values) == [(1.0, 0.0), (26.2, 0.42)]
    assert order == [("b",), ("a",)]


@pytest.mark.parametrize(
    ("paid", "runtime", "per_hour", "cost"),
    [
        (0.0, 10.0, None, None),
        (0.0, None, 36.0, None),
        (0.0, 10.0, 36.0, Cost(0.1, 0.0)),
        (0.5, 10.0, None, Cost(0.5, 30.0)),
        (0.5, 10.0, 36.0, Cost(0.6, 50.0)),
        (0.5, 10.0, 0.0, Cost(0.5, 30.0)),
        (0.5, 0.0, 1e-12, Cost(0.5, 1e9)),
    ],
)
def test_what_it_is_worth(
    paid: float, runtime: float | None, per_hour: float | None, cost: Cost | None
) -> None:
    assert spending.cost_of(paid, runtime, per_hour) == cost


@pytest.mark.parametrize("amount", [-1, float("nan"), float("inf"), "lots", None])
def test_what_is_no_amount_is_not_counted_and_breaks_nothing(amount: object) -> None:
    before = spending.spent(None)
    marimo_cellar.cost(amount)  # type: ignore[arg-type]
    assert spending.spent(None) == before


def test_the_price_of_an_hour(tmp_path: Path) -> None:
    project = tmp_path / "p"
    project.mkdir()
    user = tmp_path / "home" / ".config" / "cellar" / "config.toml"
    user.parent.mkdir(parents=True)
    system = System({}, "linux", tmp_path / "home")

    def told() -> tuple[float | None, int]:
        found = find_settings(project, system)
        return found.cost_per_hour, len(found.refusals)

    assert told() == (None, 0)
    user.write_text("cost_per_hour = 2")
    assert told() == (2.0, 0)
    # A project may run on a dearer machine.
    (project / "pyproject.toml").write_text("[tool.cellar]\ncost_per_hour = 3.5")
    assert told() == (3.5, 0)
    (project / "pyproject.toml").write_text("[tool.cellar]\ncost_per_hour = 'a lot'")
    assert told() == (2.0, 1)


def test_what_was_saved_long_ago_is_summed_up(tmp_path: Path) -> None:
    database = database_in(tmp_path)
    assert marimo_cellar.SqliteStore(str(tmp_path)).put("block/P_1.pickle", b"x")
    for _ in range(2):
        with database.writing() as connection:
            connection.executemany(
                "INSERT INTO savings SELECT cell_id, ?, 1, 2.0, 0.5 FROM cells",
                [("2001-01-01",), ("2001-01-02",)],
            )
            evicting.trim_records(connection)
    with database.writing() as connection:
        connection.execute(
            "INSERT INTO savings SELECT cell_id, date('now'), 1, 2.0, 0.5 FROM cells"
        )
        evicting.trim_records(connection)
        rows = connection.execute(
            "SELECT day = '', hits, seconds, amount FROM savings ORDER BY day"
        ).fetchall()
    assert rows == [(1, 4, 8.0, 2.0), (0, 1, 2.0, 0.5)]


def test_a_day_that_cannot_be_told_keeps_no_lookup_out(tmp_path: Path) -> None:
    database = database_in(tmp_path)
    assert marimo_cellar.SqliteStore(str(tmp_path)).put("block/P_1.pickle", b"x")
    with database.writing() as connection:
        connection.execute(
            "INSERT INTO lookups (cell_id, cache_name, hash, outcome, at)"
            " SELECT cell_id, 'block', '1', 'hit', 1e300 FROM cells"
        )
        assert connection.execute("SELECT day, hits FROM savings").fetchall() == [
            ("", 1)
        ]
