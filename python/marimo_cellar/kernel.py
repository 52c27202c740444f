"""Joining a kernel: what the entry point `marimo.kernel.lifespan` calls.

Nothing of marimo's is imported before it is called, so that in a version of
marimo where a name is missing the user gets one warning and marimo's own cache.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from functools import partial
from typing import Any

from marimo_cellar.features import attempt, version
from marimo_cellar.forks import Lock
from marimo_cellar.notices import warn_once

_lock = Lock()
_joined_process = False


class join_kernel(AbstractAsyncContextManager[None]):
    """Entered by marimo in each kernel, before any cell runs.

    marimo enters it again whenever it instantiates a kernel, and may leave it
    late, without a context, or never: nothing that needs an exit is kept for it.

    No generator, which complains loudly where marimo lets go of it unfinished.
    """

    def __init__(self, app: Any) -> None:
        del app
        self._session: Any = None

    async def __aenter__(self) -> None:
        self._session = _join()

    async def __aexit__(self, *_: object) -> None:
        _at_run_end(lambda: _leave(self._session))


def _join() -> Any:
    """Joins the kernel of this thread, unless it is. Its session; None without one."""
    try:
        if join_process():
            return _join_context()
    except Exception as error:
        _not_joined(error)
    return None


def _join_late() -> None:
    """Has a kernel joined that marimo does not enter us in: where its server was started
    anew, a page that stayed open takes the kernel for the old one, and runs cells in it
    without a start."""
    try:
        from marimo_cellar import _marimo
    except Exception:
        # Which is told once a kernel is to be joined.
        return
    attempt(
        "joining kernels whose page was open before",
        "Their results are cached by marimo itself.",
        lambda: _marimo.before_each_run(_join),
    )


def join_process() -> bool:
    """Puts our loaders in the place of marimo's, once, for all kernels here.

    In place, since marimo's modules hold the tables themselves. They are never
    taken back: another kernel of the process may be using them. False, and one
    warning, where this marimo cannot be joined.
    """
    global _joined_process
    with _lock.native:
        try:
            from marimo_cellar import _marimo

            if _marimo.runs_in_browser():
                return False
            if not _joined_process:
                from marimo_cellar import additions

                _replace_loaders()
                _joined_process = True
                additions.add_all()
        except Exception as error:
            _not_joined(error)
    return _joined_process


def _replace_loaders() -> None:
    from marimo_cellar import _marimo
    from marimo_cellar.loaders.loader import (
        SqliteJsonLoader,
        SqliteLoader,
        SqlitePickleLoader,
    )

    for name, ours in (
        ("lazy", SqliteLoader),
        ("pickle", SqlitePickleLoader),
        ("json", SqliteJsonLoader),
    ):
        attempt(
            f"keeping what the loader {name!r} saves in SQLite",
            "marimo caches it itself.",
            partial(_marimo.replace_loader, name, ours),
        )


def _join_context() -> Any:
    """Gives the kernel of this thread its session, which is returned; None where there
    is none to give."""
    from marimo_cellar import _marimo
    from marimo_cellar.loaders import published

    context = _marimo.current_context()
    if context is None:
        return None
    if (joined := _marimo.session_in(context)) is not None:
        return joined
    from marimo_cellar.session.session import session_of
    from marimo_cellar.session.stock import StockFiles

    session = session_of(context)
    attempt(
        "waiting for saves at the end of a run",
        "Results of the last cells may not be saved.",
        lambda: _marimo.on_run_end(
            context, lambda: _at_run_end(lambda: _finish(session))
        ),
    )
    attempt(
        "telling when a cell ends",
        "That it ended in an error is not told.",
        lambda: _marimo.on_cell_end(context, session.running.end_cell),
    )
    attempt(
        "cell caching in kernels of marimo's VS Code extension",
        "It is off there.",
        lambda: _marimo.keep_cache_settings(context),
    )
    if session.path is not None:
        stock = StockFiles(_marimo.cache_folder(session.path))
        published.take_back(stock, session.path)
    return session


def _not_joined(error: Exception) -> None:
    warn_once(
        "marimo",
        "",
        f"{version()} lacks what keeping results in SQLite takes ({error!r}). Results "
        "are cached by marimo itself.",
    )


def _finish(session: Any) -> None:
    """The end of a run: what was computed and used is written down, and the disk
    looked after, on a thread."""
    from marimo_cellar.checking import sweeping
    from marimo_cellar.entries import behind, imported
    from marimo_cellar.lookups import lookups

    imported.note_modules()
    with behind.hurrying_all():
        session.saves.join()
    # And what others than its loaders put into its store.
    behind.settle_all()
    lookups.flush()
    if session.store is not None:
        sweeping.sweep_daily(session.store.database)
        # None can be started at the end of a process.
        with suppress(RuntimeError):
            threading.Thread(target=_look_after, args=(session,)).start()


def _look_after(session: Any) -> None:
    # Not on the kernel's thread, which would wait for the disk, and for the import of
    # `upkeep`, longer than for all that a small run wrote down. What was committed is
    # so without: it lies in the log.
    def act() -> None:
        session.store.database.fold_log()

        from marimo_cellar import upkeep

        upkeep.after_run(session)

    _at_run_end(act)


def _leave(session: Any) -> None:
    from marimo_cellar import upkeep
    from marimo_cellar.lookups import lookups

    lookups.flush()
    if session is not None:
        upkeep.close(session)


def _at_run_end(act: Callable[[], None]) -> None:
    """Does it without ever raising into marimo."""
    try:
        act()
    except KeyboardInterrupt:
        # The user stopped waiting. What is being saved goes on being saved.
        pass
    except Exception as error:
        warn_once("run end", "", f"the end of a run was not written down ({error!r}).")


# marimo imports this as it makes its first kernel, whether or not it starts it.
if "marimo._runtime.runtime" in sys.modules:
    _join_late()
