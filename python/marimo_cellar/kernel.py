"""Joining a kernel: what the entry point `marimo.kernel.lifespan` calls.

Nothing of marimo's is imported before it is called, so that in a version of
marimo where a name is missing the user gets one warning and marimo's own cache.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from marimo_cellar.notices import warn_once

_lock = threading.Lock()
_joined_process = False


@asynccontextmanager
async def join_kernel(app: Any) -> AsyncIterator[None]:
    """Entered by marimo in each kernel, before any cell runs.

    marimo enters it again whenever it instantiates a kernel, and may leave it
    late, without a context, or never: nothing is kept for its exit.
    """
    del app
    try:
        _join()
    except Exception as error:
        warn_once(
            "marimo",
            "",
            f"it could not join {_version()} ({error!r}). Results are cached by "
            "marimo itself.",
        )
    try:
        yield
    finally:
        _at_run_end(_write_lookups)


def _join() -> None:
    from marimo_cellar import _marimo

    if _marimo.runs_in_browser():
        return
    _join_process()
    context = _marimo.current_context()
    if context is None or _marimo.session_in(context) is not None:
        return
    from marimo_cellar.session import session_of

    session = session_of(context)
    if not _marimo.on_run_end(context, lambda: _at_run_end(lambda: _finish(session))):
        warn_once(
            "marimo",
            "",
            "this version of marimo has no place to wait for the end of a run; "
            "results of the last cells may not be saved.",
        )


def _join_process() -> None:
    """Puts our loaders in the place of marimo's, once, for all kernels here.

    In place, since marimo's modules hold the tables themselves. They are never
    taken back: another kernel of the process may be using them.
    """
    global _joined_process
    from marimo_cellar import _marimo, mapped
    from marimo_cellar.batches import batching
    from marimo_cellar.loader import (
        SqliteJsonLoader,
        SqliteLoader,
        SqlitePickleLoader,
    )

    with _lock:
        if _joined_process:
            return
        loaders = _marimo.PERSISTENT_LOADERS
        lazy = loaders["lazy"]
        wasm = lazy.wasm if isinstance(lazy, _marimo.DualLoader) else lazy
        arrow = batching(_marimo.BLOB_SERIALIZERS["arrow"])
        restoring = {
            suffix: mapped.over_mapping(restore, _marimo.BLOB_DESERIALIZERS[suffix])
            for suffix, restore in ((".npy", mapped.array), (".arrow", mapped.frame))
        }
        loaders["lazy"] = _marimo.DualLoader(native=SqliteLoader, wasm=wasm)
        loaders["pickle"] = _marimo.DualLoader(
            native=SqlitePickleLoader, wasm=_marimo.PickleLoader
        )
        loaders["json"] = _marimo.DualLoader(
            native=SqliteJsonLoader, wasm=_marimo.JsonLoader
        )
        _marimo.BLOB_SERIALIZERS["arrow"] = arrow
        _marimo.BLOB_DESERIALIZERS.update(restoring)
        _joined_process = True


def _finish(session: Any) -> None:
    """The end of a run: what was computed and used is written down."""
    from marimo_cellar import lookups

    session.saves.join()
    lookups.flush()
    if session.store is not None:
        session.store.database.fold_log()


def _write_lookups() -> None:
    from marimo_cellar import lookups

    lookups.flush()


def _at_run_end(act: Callable[[], None]) -> None:
    """Does it without ever raising into marimo."""
    try:
        act()
    except KeyboardInterrupt:
        # The user stopped waiting. What is being saved goes on being saved.
        pass
    except Exception as error:
        warn_once("run end", "", f"the end of a run was not written down ({error!r}).")


def _version() -> str:
    try:
        import marimo

        return f"marimo {marimo.__version__}"
    except Exception:
        return "this marimo"
