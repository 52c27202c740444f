"""Upkeep: the clean-up that a kernel makes by itself, after a run.

On a thread, so that no run waits for it; it stops as soon as cells run again, and
goes on after that run. One that takes longer gets a process of its own, as a kernel may
end with its run. Where nothing is to do it costs two queries of the notebook's
own rows. Looking after the disk is never worth a warning about itself: what fails is
logged, and tried again after the next run.
"""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakKeyDictionary

from marimo_cellar.cleaning import retention
from marimo_cellar.cleaning.retention import Rules
from marimo_cellar.database.apps import app_path
from marimo_cellar.database.database import Database, Unavailable, database_in
from marimo_cellar.forks import Lock, in_child
from marimo_cellar.lookups import lookups
from marimo_cellar.notices import logger
from marimo_cellar.settings.settings import budget_in, say_refusals, settings_of

if TYPE_CHECKING:
    from marimo_cellar.cleaning.pruning import Outcome
    from marimo_cellar.session.session import Session

# A notebook counts as open for this long after a run, unless its kernel ends. A
# killed kernel holds what it would load for no longer.
_OPEN = 12 * 3600.0
# Everything is looked at this often, and not only after what this notebook did.
_ROUND = 3600.0

# As many entries are looked through in some 50 ms, which a kernel that is about to be
# killed most often has.
_AT_ONCE = 2000
# How long the end of a process waits for a clean-up.
_LAST_SECONDS = 2.0
# By how many seconds clocks differ that nobody has set.
_DRIFT = 60.0

_lock = Lock()
# The databases at work on, and whose run, if any, ended since; and the notebooks that
# this process has open, by their sessions, of which a server of apps has many.
_at_work: dict[Database, Session | None] = {}
# Those for which this process has begun another one.
_apart: set[Database] = set()
_open: WeakKeyDictionary[Session, set[tuple[Database, str]]] = WeakKeyDictionary()
# The time less that of the steady clock, as the last run had it, and when, by that
# clock, the other was last seen to have been set.
_offset: float | None = None
_set_at = float("-inf")


def after_run(session: Session) -> None:
    """Looks after the cache of a notebook that has just run; returns at once."""
    assert session.store is not None
    database = session.store.database
    with _lock.native:
        if database in _at_work:
            _at_work[database] = session
            return
        _at_work[database] = None
    # Not a daemon: a notebook that runs once, as `marimo export` runs it, is to be
    # cleaned up after too. It ends soon, and at once when its time is over.
    thread = threading.Thread(target=_work, args=(database, session))
    try:
        thread.start()
    except BaseException as error:
        with _lock.native:
            _at_work.pop(database, None)
        # None can be started at the end of a process, or where there are too many.
        if not isinstance(error, RuntimeError):
            raise


def close(session: Session) -> None:
    """A kernel ends: its notebook is not open any more, unless another one of this
    process has it open."""
    with _lock.native:
        closed = _open.pop(session, set()).difference(*_open.values())
    for database, app in closed:
        with suppress(sqlite3.Error, OSError, Unavailable):
            with database.reading() as connection:
                # One that was deleted is not begun again for this.
                if connection is None or database.read_only:
                    continue
            with database.writing() as connection:
                connection.execute(
                    "DELETE FROM openings WHERE holder = ? AND app_id ="
                    " (SELECT app_id FROM apps WHERE path = ?)",
                    (_holder(), app),
                )


def _work(database: Database, session: Session) -> None:
    waiting: Session | None = session
    while waiting is not None:
        with _lock.native:
            app = app_path(database.folder, waiting.path)
            _open.setdefault(waiting, set()).add((database, app))
        try:
            _look_after(database, waiting.path)
        except (sqlite3.Error, OSError, Unavailable) as error:
            logger.debug(
                "Cellar: the clean-up of %s failed (%s).", database.folder, error
            )
        except Exception:
            logger.debug("Cellar: the clean-up failed.", exc_info=True)
        with _lock.native:
            waiting = _at_work.pop(database, None)
            if waiting is not None:
                _at_work[database] = None


def _look_after(database: Database, notebook: Path | None, apart: bool = False) -> None:
    """`apart` from any kernel, which a notebook could be open in."""
    now, steady = time.time(), _steady_clock()
    was_set = _was_set(now, steady)
    began = lookups.noted()
    settings = settings_of(notebook)
    say_refusals(settings)
    app = app_path(database.folder, notebook)
    with database.reading() as connection:
        if connection is None or database.read_only:
            return
        used = retention.used(connection)
        outdated = _outdated(connection, app)
        last = _last_look(connection, app, now)
        long = _takes_long(connection, now)
    if not apart:
        _say_open(database, app, now)
    budget = budget_in(database.folder, used, settings.budget)
    if (
        (budget is None or used <= budget)
        and outdated <= last.kept
        and last.at > now - _ROUND
    ):
        return
    if long and not apart and _begin_apart(database, notebook):
        return
    # Late: most runs end before here, and the process's end waits for them.
    from marimo_cellar.cleaning.pruning import prune
    from marimo_cellar.database import clocks

    late = now + _DRIFT
    if was_set or (
        clocks.is_behind(database, late) and not clocks.put_right(database, late)
    ):
        # Then nobody knows what is current, or how old anything is.
        logger.info("Cellar: the clock was set. %s is left as it is.", database.folder)
        return
    outcome = prune(
        database,
        None,
        budget,
        "kernel",
        now,
        go_on=(go_on := _while_idle(began)),
        whole=False,
    )
    if go_on() and not outcome.busy:
        _note_look(database, app, now)
    _log(database, outcome)


def _steady_clock() -> float:
    """Seconds by a clock that nobody sets, and that goes on while the machine sleeps,
    where the system has one that does."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


def _was_set(now: float, steady: float) -> bool:
    """Whether the clock was, in the last hour and while this process ran notebooks."""
    global _offset, _set_at
    before, _offset = _offset, now - steady
    if before is not None and abs(_offset - before) > _DRIFT:
        _set_at = steady
    return steady - _set_at < _ROUND


def _while_idle(began: int) -> Callable[[], bool]:
    """Says yes until cells run again, or until the process has waited long enough
    for this thread, which is all that it waits for at its end."""
    ended: list[float] = []

    def go_on() -> bool:
        if not threading.main_thread().is_alive() and not ended:
            ended.append(time.monotonic())
        late = bool(ended) and time.monotonic() - ended[0] > _LAST_SECONDS
        return lookups.noted() == began and not late

    return go_on


def _outdated(connection: sqlite3.Connection, app: str) -> int:
    """How many versions a notebook's cells have beyond those that are kept. Some of
    them are kept for what they are worth."""
    (count,) = connection.execute(
        "SELECT total(max(0, versions - ?)) FROM ("
        " SELECT count(DISTINCT node) AS versions"
        " FROM apps JOIN cells USING (app_id) JOIN entries USING (cell_id)"
        " WHERE path = ? GROUP BY cell_id, cache_name)",
        (Rules().versions, app),
    ).fetchone()
    return int(count)


class _Look(NamedTuple):
    """`at` is when the whole cache was last looked through, in Unix seconds; `kept` how
    many of the notebook's versions were kept then beyond the last ones."""

    at: float
    kept: int


def _last_look(connection: sqlite3.Connection, app: str, now: float) -> _Look:
    """By whatever process. As one counts that there is nothing yet to look for, in a
    cache that was begun within the hour."""
    at, kept, oldest = connection.execute(
        # A time that is yet to come says nothing.
        "SELECT (SELECT max(at) FROM looks WHERE at <= ?1),"
        " (SELECT kept FROM looks JOIN apps USING (app_id) WHERE path = ?2),"
        " (SELECT created_at FROM entries ORDER BY entry_id LIMIT 1)",
        (now, app),
    ).fetchone()
    if at is None and oldest is not None and oldest <= now:
        at = oldest
    return _Look(at or 0.0, kept or 0)


def _note_look(database: Database, app: str, now: float) -> None:
    with database.writing() as connection:
        connection.execute(
            "INSERT OR REPLACE INTO looks (app_id, at, kept)"
            " SELECT app_id, ?, ? FROM apps WHERE path = ?",
            (now, _outdated(connection, app), app),
        )


def _takes_long(connection: sqlite3.Connection, now: float) -> bool:
    """Whether a clean-up may not be done in a moment: of many entries, or since one was
    killed."""
    entries, killed = connection.execute(
        "SELECT (SELECT total(entries) FROM totals),"
        " EXISTS (SELECT 1 FROM cleaners WHERE until > 0 AND until < ?)",
        (now,),
    ).fetchone()
    return bool(entries > _AT_ONCE or killed)


def _begin_apart(database: Database, notebook: Path | None) -> bool:
    """Has a process of its own clean up: marimo kills the kernel of `marimo export` as
    soon as the run has ended, and what takes longer than a moment would never be done.

    Once, as a kernel that runs again is none of these. Whether it was begun.
    """
    with _lock.native:
        if database in _apart or not sys.executable:
            return False
        _apart.add(database)
    code = "import sys; from marimo_cellar.upkeep import run_apart; run_apart(*sys.argv[1:])"
    # The package as this process has it, which may be nowhere but on its path. Its folder
    # comes last: where others have put what is named as a module of Python's, it would
    # come before that one.
    path = [*filter(None, sys.path), str(Path(__file__).parents[1])]
    flags = ("CREATE_NO_WINDOW", "CREATE_NEW_PROCESS_GROUP")
    try:
        subprocess.Popen(
            [sys.executable, "-c", code, str(database.folder), str(notebook or "")],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # The kernel's group of processes is killed with it.
            start_new_session=True,
            creationflags=sum(getattr(subprocess, flag, 0) for flag in flags),
        )
    except (OSError, ValueError) as error:
        logger.debug("Cellar: no process could be begun (%s).", error)
        return False
    return True


def run_apart(folder: str, notebook: str) -> None:
    """Looks after the cache in a folder, in a process that is there for nothing else.

    `notebook` is the one whose kernel began it, empty for one without a file.
    """
    if hasattr(os, "nice"):
        os.nice(19)
    with suppress(sqlite3.Error, OSError, Unavailable):
        _look_after(
            database_in(Path(folder)), Path(notebook) if notebook else None, apart=True
        )


def _say_open(database: Database, app: str, now: float) -> None:
    with database.writing() as connection:
        connection.execute(
            # One that ends later than any can is of a clock that was wrong.
            "DELETE FROM openings WHERE until NOT BETWEEN ? AND ?",
            (now, now + 2 * _OPEN),
        )
        connection.execute(
            "INSERT OR REPLACE INTO openings (app_id, holder, until)"
            " SELECT app_id, ?, ? FROM apps WHERE path = ?",
            (_holder(), now + _OPEN, app),
        )


def _holder() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def _log(database: Database, outcome: Outcome) -> None:
    cleaning = outcome.cleaning
    if cleaning.entries:
        # The command's words, which few runs need.
        from marimo_cellar.amounts import told_seconds, told_size

        logger.info(
            "Cellar: %d results left %s, %s, about %s to recompute.",
            cleaning.entries,
            database.folder,
            told_size(cleaning.size),
            told_seconds(cleaning.loss.seconds),
        )


def _after_fork() -> None:
    _at_work.clear()
    _apart.clear()
    _open.clear()


in_child(_after_fork)
