"""What is being saved, and what was used, is there after a kernel's end."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from marimo_cellar import SqliteLoader, SqliteStore
from marimo_cellar.database import database
from marimo_cellar.database.database import database_in
from marimo_cellar.entries import behind
from marimo_cellar.entries.saving import Save
from marimo_cellar.loaders.loader import SqlitePickleLoader
from marimo_cellar.session import spending
from marimo_cellar.session.saves import SavesInFlight
from tests.conftest import Write, ran
from tests.kernels import export, query
from tests.servers import serve
from tests.test_store import KEY, filled


def test_a_last_cell_that_saves_much_has_it_after_the_export(
    write: Write, env: dict[str, str]
) -> None:
    notebook = write(
        "large.py",
        last="""
            import numpy as np
            ran("last")
            # 400 MB that are not all alike.
            large = np.zeros(50_000_000)
            large[::512] = np.random.default_rng(1).random(large[::512].size)
        """,
        reader="str(float(large.sum()))",
    )
    first = export(notebook, env)
    assert ran(notebook) == ["last"]
    assert query(
        notebook,
        "SELECT size > 400000000 FROM blobs JOIN items USING (digest) JOIN cells"
        " USING (cell_id) WHERE items.name = 'large' AND cells.name = 'last'",
    ) == [(1,)]
    second = export(notebook, env)
    assert ran(notebook) == []
    assert second.outputs == first.outputs


def test_use_that_was_written_in_time_outlives_a_killed_kernel(
    write: Write, env: dict[str, str], tmp_path: Path
) -> None:
    notebook = write("killed.py", one="x = [1]", two="y = [*x, 2]")
    export(notebook, env)
    with notebook.open("a") as file:
        file.write(KILLER)
    trace = notebook.parent / "ran.txt"
    with (
        serve("edit", notebook, env=env, log=tmp_path / "log") as server,
        server.client(notebook, "tab") as tab,
    ):
        tab.wait_for("kernel-ready")
        tab.post("kernel/instantiate", {"objectIds": [], "values": [], "autoRun": True})
        until = time.monotonic() + 90
        while not trace.exists() and time.monotonic() < until:
            time.sleep(0.1)
    # It saw that the batch was there, before its own end.
    assert ran(notebook) == ["hits: 2"]
    assert query(
        notebook,
        "SELECT cells.name, hits, last_hit_at NOT NULL FROM entries JOIN cells"
        " USING (cell_id) WHERE cells.name NOT NULL ORDER BY 1",
    ) == [("one", 1, 1), ("two", 1, 1)]


# Runs until what was used before it is written, and then ends its kernel.
KILLER = """
@app.cell
def killer():
    import os, signal, sqlite3, time
    from contextlib import closing

    def hits():
        with closing(sqlite3.connect("__marimo__/cache/cache.db")) as database:
            return database.execute(
                "SELECT count(*) FROM entries JOIN cells USING (cell_id)"
                " WHERE hits > 0 AND name NOT NULL"
            ).fetchone()[0]

    while hits() < 2:
        time.sleep(0.1)
    ran(f"hits: {hits()}")
    os.kill(os.getpid(), signal.SIGKILL)
    return
"""


def test_the_time_that_each_entry_saved_can_be_told(
    write: Write, env: dict[str, str]
) -> None:
    notebook = write("saved.py", slow="import time; time.sleep(1.2); x = [1]")
    for _ in range(3):
        export(notebook, env)
    # Of each hit, what the entry took to compute less what it took to load.
    hits = query(
        notebook,
        "SELECT runtime, seconds FROM lookups"
        " JOIN entries USING (cell_id, cache_name, hash) JOIN cells USING (cell_id)"
        " WHERE outcome = 'hit' AND cells.name = 'slow'",
    )
    assert len(hits) == 2
    assert all(runtime >= 1.2 and seconds >= 0 for runtime, seconds in hits)


@pytest.mark.parametrize("loader", [SqliteLoader, SqlitePickleLoader])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_an_interrupted_save_keeps_no_run_waiting(
    loader: type[SqliteLoader | SqlitePickleLoader],
    moment: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = SqliteStore(str(tmp_path / "cache"), behind=True)
    assert store.put("n/P_first.pickle", b"first")
    made = loader("block", store=store)
    add = behind.Queue.add

    def interrupted(queue: behind.Queue, save: Save, here: bool = False) -> None:
        if moment == "after":
            add(queue, save, here)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(behind.Queue, "add", interrupted)
        with suppress(KeyboardInterrupt):
            made.save_cache(filled(x=[1]))
    store.flush()
    waiting = threading.Thread(target=made.saves.join, daemon=True)
    waiting.start()
    waiting.join(20)
    assert not waiting.is_alive()
    # What was handed over is saved all the same.
    assert (made.load_cache(KEY) is not None) == (moment == "after")


def test_an_interrupt_leaves_no_lock_held(tmp_path: Path) -> None:
    saves, folder = SavesInFlight(), tmp_path / "cache"

    def work() -> None:
        saves.begin_process()
        one = saves.one()
        one.begin()
        one.done()
        saves.join()
        behind.queue_of(database_in(folder))
        spending.cost(0)

    def are_held() -> bool:
        of_modules = (spending._lock, behind._lock, database._databases_lock)
        return held([saves._lock, *(lock.native for lock in of_modules)])

    assert interrupted_everywhere(work, are_held) > 10


def interrupted_everywhere(work: Callable[[], None], fails: Callable[[], bool]) -> int:
    """Interrupts what this thread does, once at each place where Python looks whether
    there is an interrupt: as a function begins, and as a call comes back. Returns at
    how many."""
    places = 0
    while True:
        left = places

        def interrupt(frame: Any, event: str, argument: Any) -> None:
            nonlocal left
            if event in ("call", "c_return"):
                left -= 1
                if left < 0:
                    sys.setprofile(None)
                    raise KeyboardInterrupt

        sys.setprofile(interrupt)
        try:
            work()
            return places
        except KeyboardInterrupt:
            places += 1
        finally:
            sys.setprofile(None)
        assert not fails(), places


def held(locks: Iterable[Any]) -> bool:
    """Whether another thread does not get each of them at once."""
    free: list[bool] = []

    def take() -> None:
        for lock in locks:
            free.append(lock.acquire(blocking=False))
            if free[-1]:
                lock.release()

    thread = threading.Thread(target=take)
    thread.start()
    thread.join()
    return not all(free)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no forks")
def test_a_child_saves_that_was_forked_while_a_save_of_its_parents_ended() -> None:
    saves = SavesInFlight()
    held, forked = threading.Event(), threading.Event()

    def hold() -> None:
        with saves._lock:
            held.set()
            forked.wait(20)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        one = saves.one()
        one.begin()
        one.done()
        saves.join()
        os._exit(0)
    forked.set()
    holder.join()
    assert os.waitpid(child, 0)[1] == 0
