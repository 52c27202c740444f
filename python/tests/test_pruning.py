"""The clean-up as it is carried out, on real files and in real kernels."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from marimo_cellar.checking.checking import audit
from marimo_cellar.cleaning import pruning, retention
from marimo_cellar.cleaning.cleaner import Cleaner
from marimo_cellar.database.database import Database, database_in
from marimo_cellar.entries.contents import load
from marimo_cellar.entries.entries import EntryKey, Owner, candidates
from marimo_cellar.entries.roll import Roll
from marimo_cellar.session.store import SqliteStore
from tests import kernels
from tests.conftest import Write, ran
from tests.equal_worth import database, fill, left, prune
from tests.servers import serve

__all__ = ["database"]

DAY = 24 * 3600.0


def test_a_clean_up_frees_what_was_planned_and_keeps_to_the_budget(
    database: Database,
) -> None:
    fill(database, 40)
    budget = 2_000_000
    planned = pruning.plan(database, budget, time.time())
    outcome = pruning.prune(database, planned, budget, "command", time.time())
    assert outcome.cleaning.size == planned.size
    assert outcome.cleaning.entries == len(planned.evictions)
    with database.reading() as connection:
        assert connection is not None
        used = retention.used(connection)
        assert connection.execute("PRAGMA freelist_count").fetchone() == (0,)
        assert connection.execute(
            "SELECT actor, entries, size FROM cleanings"
        ).fetchall() == [("command", len(planned.evictions), planned.size)]
    assert planned.used - planned.size == used <= budget
    # The files went too, and nothing that is left lost one.
    on_disk = sum(file.stat().st_size for file in database.blobs.rglob("*.pickle"))
    assert used - budget < on_disk <= budget
    assert audit(database, grace=0) == []


def test_what_was_pinned_or_used_since_it_was_chosen_stays(
    database: Database,
) -> None:
    fill(database, 10)
    planned = pruning.plan(database, 0, time.time())
    assert len(planned.evictions) == 10
    with database.writing() as connection:
        connection.execute("UPDATE entries SET pinned = 1 WHERE hash = '3'")
        connection.execute(
            "UPDATE entries SET last_hit_at = ? WHERE hash = '5'", (time.time(),)
        )
    pruning.prune(database, planned, 0, "command", time.time())
    assert left(database) == ["3", "5"]
    assert audit(database, grace=0) == []


def test_one_cleaner_at_a_time_and_a_dead_one_is_waited_for(
    database: Database,
) -> None:
    fill(database, 4)
    now = time.time()
    with database.writing() as connection:
        connection.execute("INSERT INTO cleaners VALUES (1, 'other', ?, 0)", (now + 9,))
    assert prune(database, 0, now=now).busy
    assert len(left(database)) == 4
    assert not prune(database, 0, now=now + 10).busy
    assert left(database) == []


@pytest.mark.parametrize("failing", [False, True], ids=["killed", "failed"])
def test_what_a_cleaner_that_was_cut_off_leaves_goes_with_the_next_one(
    database: Database, monkeypatch: pytest.MonkeyPatch, failing: bool
) -> None:
    fill(database, 20)
    now = time.time()
    prune(database, None, now=now)

    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        # After entries went, and before their values did.
        patch.setattr(pruning, "free", killed)
        if not failing:
            patch.setattr(Cleaner, "end", lambda _: None)
        with pytest.raises(Killed):
            prune(database, 1_000_000, now=now, whole=False)
    assert 0 < len(left(database)) < 20
    assert {problem.kind for problem in audit(database, grace=0)} != set()
    later = now + 100
    assert not prune(database, None, now=later, whole=False).busy
    assert audit(database, grace=0) == []
    assert len(left(database)) > 0


def test_it_stops_between_transactions_and_goes_on_later(database: Database) -> None:
    fill(database, 60)
    turns = iter([True] * 3)
    prune(database, 0, go_on=lambda: next(turns, False))
    between = left(database)
    assert 0 < len(between) < 60
    assert audit(database, grace=0) == []
    prune(database, 0)
    assert left(database) == []


def test_a_reader_that_is_about_to_load_meets_a_miss(database: Database) -> None:
    fill(database, 30)
    owner = Owner(Roll(None))
    keys = [EntryKey("block", "P", str(number), "pickle") for number in range(30)]
    faults: list[Exception] = []
    seen = set()
    over = threading.Event()

    def read() -> None:
        while not over.is_set():
            for key in keys:
                try:
                    for found in candidates(database, key, owner):
                        loaded = load(database, found)
                        seen.add(loaded.why is None)
                        for data in loaded.contents.values():
                            expected = int(key.hash).to_bytes(4, "big") * 25_000
                            assert bytes(data) == expected
                except Exception as error:
                    faults.append(error)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    prune(database, 0)
    over.set()
    for reader in readers:
        reader.join()
    assert faults == []
    assert left(database) == []


def test_what_was_evicted_and_computed_again_is_told(database: Database) -> None:
    fill(database, 3)
    store = SqliteStore(str(database.folder))
    now = time.time()
    prune(database, 150_000, now=now - 1)
    assert left(database) == ["2"]
    # The second would have stayed with its own size more, the first with both.
    for number in (1, 0):
        store.put(f"block/P_{number}.pickle", number.to_bytes(4, "big") * 25_000)
    with database.reading() as connection:
        assert connection is not None
        regrets = connection.execute("SELECT room FROM regrets").fetchall()
        assert connection.execute("SELECT count(*) FROM ghosts").fetchone() == (0,)
    size = 100_000 + 2048
    assert regrets == [(size,), (2 * size,)]


def test_an_evicted_entry_does_not_come_back_from_an_old_file(
    database: Database,
) -> None:
    from marimo_cellar.entries import entries

    fill(database, 2)
    key = EntryKey("block", "P", "0", "pickle")
    owner = Owner(Roll(None))
    assert entries.files_hidden_until(database, key, owner) == float("-inf")
    now = time.time()
    prune(database, 0, now=now)
    assert entries.files_hidden_until(database, key, owner) == now
    other = EntryKey("block", "P", "7", "pickle")
    assert entries.files_hidden_until(database, other, owner) == float("-inf")


def test_a_lease_of_a_clock_that_was_wrong_holds_nobody_up(database: Database) -> None:
    fill(database, 4)
    now = time.time()
    with database.writing() as connection:
        connection.execute(
            "INSERT INTO cleaners VALUES (1, 'other', ?, ?)", (now + DAY, now + DAY)
        )
        connection.execute("UPDATE usage SET size = -1")
    assert not prune(database, 0, now=now, whole=False).busy
    # Nor does the mark of the last look through all of it, which is due.
    assert audit(database, grace=0) == []


def test_while_it_plans_it_stops_too(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(database, 4)
    monkeypatch.setattr(pruning, "_STEPS", 10)
    with pytest.raises(pruning.Stopped):
        pruning.plan(database, 0, time.time(), go_on=lambda: False)
    assert prune(database, 0, go_on=lambda: False).cleaning.entries == 0
    assert len(left(database)) == 4
    # And whoever uses the connection next is asked nothing.
    assert len(pruning.plan(database, 0, time.time()).evictions) == 4


# In a real kernel


def versions_of(notebook: Path) -> dict[str, int]:
    """How many results each named cell has that are not pinned."""
    return dict(
        kernels.query(
            notebook,
            "SELECT name, count(*) FROM entries JOIN cells USING (cell_id)"
            " WHERE NOT pinned AND name IS NOT NULL GROUP BY cell_id",
        )
    )


def test_thirty_runs_with_edits_keep_the_disk_flat(
    write: Write, env: dict[str, str], tmp_path: Path
) -> None:
    notebook = write(
        "edited.py",
        # So large that no run is dear enough for its size to be kept for that.
        data="data = bytes([0]) * 5_000_000",
        twice="twice = data + data; ran('twice')",
        still="still = 'never edited'; ran('still')",
    )
    log = tmp_path / "server.log"
    folder = kernels.cache_of(notebook)
    with (
        serve("edit", notebook, env=env, log=log) as server,
        server.client(notebook, "s_editor") as tab,
    ):
        data = tab.wait_for("kernel-ready")[-1]["data"]["cell_ids"][1]
        tab.post("kernel/instantiate", {"objectIds": [], "values": [], "autoRun": True})
        tab.wait_for("completed-run")

        def edit(value: int) -> None:
            code = f"data = bytes([{value}]) * 5_000_000"
            tab.post("kernel/run", {"cellIds": [data], "codes": [code]})
            tab.wait_for("completed-run")

        # An old version that somebody pins, and nobody would keep otherwise.
        kernels.change(notebook, "UPDATE entries SET pinned = 1")
        for value in range(1, 31):
            edit(value)
        # The last run's clean-up is on a thread.
        until = time.monotonic() + 120
        expected = {"data": 3, "twice": 3}
        while versions_of(notebook) != expected and time.monotonic() < until:
            time.sleep(0.2)
        assert versions_of(notebook) == expected
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        # Four versions of fifteen megabytes, and the log.
        assert size < 100_000_000
        ran(notebook)
        # Back to the pinned version, which still answers, as does yesterday's.
        edit(0)
        edit(29)
        assert ran(notebook) == []
        # One that went is made again, and known to have been there.
        edit(5)
        assert ran(notebook) == ["twice"]
    assert kernels.query(notebook, "SELECT count(*) FROM regrets") == [(2,)]
    database = database_in(folder)
    assert audit(database) == []
