"""A child that was forked while threads of its parent had each of our locks."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import traceback
import weakref
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from marimo_cellar import SqliteStore, kernel, notices, upkeep
from marimo_cellar.database import checkpoints, database
from marimo_cellar.session import spending
from marimo_cellar.session.session import Session

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here"),
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]

PART = f"cell_cache/{'a' * 22}/x.pickle"


def locks_of_ours() -> set[Any]:
    """All that are there: of our modules, and of what these made."""
    kinds = (type(threading.Lock()), type(threading.RLock()), threading.Condition)
    modules = [
        vars(module)
        for name, module in list(sys.modules.items())
        if name.split(".")[0] == "marimo_cellar"
    ]
    objects = [
        vars(one)
        for one in gc.get_objects()
        if str(type(one).__module__).split(".")[0] == "marimo_cellar"
        and hasattr(one, "__dict__")
    ]
    return {
        value
        for names in modules + objects
        for value in names.values()
        if isinstance(value, kinds)
    }


def test_no_lock_stays_held_in_a_child(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whoever forks waits for locks only so long, and these stay held.
    monkeypatch.setattr(database, "_FORK_SECONDS", 0.01)
    graph = SimpleNamespace(cells={}, parents={})
    session = Session(SimpleNamespace(filename=None, parent=None, graph=graph), None)
    store = SqliteStore(str(tmp_path), behind=True)
    assert store.put("f/P_a.pickle", b"before") and store.flush()
    assert store.put(PART, b"part")
    everything = locks_of_ours()
    of_modules = {notices._lock.native, upkeep._lock.native}
    assert {session._lock, store._parts_lock} | of_modules < everything
    held, done = threading.Barrier(2), threading.Event()

    def hold() -> None:
        for lock in everything:
            lock.acquire()
        held.wait()
        done.wait(60)
        for lock in everything:
            lock.release()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    child = os.fork()
    if child == 0:
        try:
            # Whatever waits for the parent's threads is ended by the alarm.
            signal.alarm(20)
            notices.warn_once("fork", str(tmp_path), "a child was forked.")
            session.owner(None)
            spending.cost(1)
            assert spending.spent(session) == 1
            assert kernel.join_process() in (True, False)
            assert store.get("f/P_a.pickle") == b"before"
            # What the parent has yet to save is the parent's.
            assert store.get(PART) is None
            assert store.put("f/P_b.pickle", b"child") and store.flush()
            os._exit(0)
        except BaseException:
            traceback.print_exc(file=sys.__stderr__)
            os._exit(1)
    done.set()
    holder.join()
    assert os.waitpid(child, 0)[1] == 0
    assert store.get("f/P_b.pickle") == b"child"
    assert store.get(PART) == b"part"


def test_what_a_child_begins_anew_is_kept_by_nobody(tmp_path: Path) -> None:
    gone = weakref.ref(SqliteStore(str(tmp_path)))
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("work", ["write", "fold"])
def test_a_fork_waits_for_who_writes_or_folds(
    work: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = SqliteStore(str(tmp_path)).database
    with ours.writing(folding=False) as connection:
        connection.execute("PRAGMA user_version")
    begun, told = threading.Event(), threading.Event()
    ended: list[int] = []

    def at_work(*_: object) -> bool:
        begun.set()
        # Until it is about to fork, or would not wait.
        told.wait(1)
        ended.append(1)
        return True

    def write() -> None:
        with ours.writing():
            at_work()

    monkeypatch.setattr(checkpoints, "fold_beside", at_work)
    target = write if work == "write" else ours.fold_beside
    thread = threading.Thread(target=target)
    thread.start()
    assert begun.wait(20)
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        with ours.reading() as reading:
            os._exit(0 if reading is not None and ended else 1)
    told.set()
    thread.join()
    assert os.waitpid(child, 0)[1] == 0
    # And hinders nobody afterwards.
    with ours.writing():
        pass
    assert ours.fold_beside()
