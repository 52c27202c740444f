"""Joining a kernel: what the entry point `marimo.kernel.lifespan` calls.

Nothing of marimo's is imported before it is called, so that in a version of
marimo where a name is missing the user gets one warning and marimo's own cache.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping
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
                _replace_loaders()
                _joined_process = True
                _add_features()
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


def _add_features() -> None:
    """What goes beyond keeping results, each as far as this marimo lets us."""
    from marimo_cellar import _marimo
    from marimo_cellar.loaders import handover, published
    from marimo_cellar.values import kinds, mapped
    from marimo_cellar.values.batches import batching

    # Before what else changes how marimo pickles for a hash.
    attempt(
        "hashing sets alike in each process",
        "What is called with one may be computed once more.",
        _marimo.pickle_sets_in_order,
    )
    attempt(
        "reading large values without a copy",
        "They are copied on their way.",
        lambda: _marimo.replace_deserialisers(mapped.deserialiser, mapped.RESTORING),
    )
    attempt(
        "keeping what marimo's formats lose of a value",
        "They come back as what they derive from.",
        lambda: _marimo.replace_choice_of_format(kinds.choosing),
    )
    attempt(
        "writing long data frames in batches",
        "A preview reads such a frame whole.",
        lambda: _marimo.replace_serialiser("arrow", batching),
    )
    attempt(
        "saving what is of a notebook's own classes while others run beside it",
        "It may be computed again.",
        lambda: _marimo.replace_serialiser("pickle", _marimo.naming),
    )
    attempt(
        "shipping a cache with `marimo export html-wasm --execute`",
        "What is exported computes its results again.",
        lambda: _marimo.replace_manifest_dump(published.publishing),
    )
    attempt(
        "hashing a signed value once as it is saved",
        "It is hashed twice.",
        lambda: _marimo.take_digests(handover.digest_of),
    )
    attempt(
        "signing what a cell printed",
        "It is not shown again.",
        lambda: _marimo.sign_besides(handover.digests),
    )
    attempt(
        "telling which variable or module a miss is due to",
        "Misses are explained by code alone.",
        _marimo.keep_hashed,
    )
    attempt(
        "hashing long lists in a fraction of the time",
        "It takes seconds for a million numbers.",
        _marimo.encode_fast,
    )
    attempt(
        "looking through a notebook's variables once for all calls of a function",
        "Each call takes longer.",
        _marimo.look_through_fast,
    )
    attempt(
        "keeping the annotations of functions and classes what they are",
        "They come back as texts.",
        _marimo.compile_as_cells,
    )
    attempt(
        "compiling a notebook once for all that its functions are hashed for",
        "Long notebooks with functions take longer.",
        _marimo.compile_once,
    )
    attempt(
        "telling code apart that marimo takes for the same",
        "A cell may be served what it made before an edit.",
        _marimo.tell_code_apart,
    )
    attempt(
        "digesting the code of a cell once",
        "Notebooks of hundreds of cells take longer.",
        _marimo.digest_cells_once,
    )
    attempt(
        "looking for the cells above a cell once",
        "Notebooks of hundreds of cells take longer.",
        _marimo.digest_closures_once,
    )
    attempt(
        "telling the calls of a cached function apart",
        "Their results are listed without what they were called with.",
        lambda: _marimo.note_calls(_say_call),
    )
    attempt(
        "setting again what a cell sets for the process",
        "It is not set where the cell is served.",
        _set_again,
    )
    attempt(
        "showing the rows of a query in the table that they were shown in",
        "A short one has no footer.",
        _marimo.show_rows_as_queried,
    )
    attempt(
        "going on with random numbers after a cell",
        "They begin anew after one that is served.",
        _marimo.go_on_at_random,
    )
    # After the others, by which a cell that would be served may run.
    attempt(
        "showing again what a cell printed",
        "A cell that is served shows its output alone.",
        _marimo.note_printed,
    )
    attempt(
        "hashing what marimo fails to hash",
        "A cached cell that reads such a value fails.",
        _marimo.hash_by_code,
    )
    attempt(
        "hashing a frame alike that was made and that was restored",
        "What is called with one is computed once more.",
        lambda: _marimo.hash_as_it_comes_back(kinds.as_it_comes_back),
    )
    attempt(
        "telling what is in a folder that is watched",
        "Who reads it may be served what it held before.",
        _marimo.hash_watched_folders,
    )
    attempt(
        "telling that numbers were drawn of a generator",
        "A cell may be served what it drew before others did.",
        _marimo.hash_generators_by_state,
    )
    attempt(
        "telling that a function was edited within",
        "Who calls it may be served what it returned before.",
        _hash_functions_whole,
    )
    attempt(
        "making what functions need that came from the cache in part",
        "A cell that calls one may fail.",
        _look_for_stubs_within,
    )
    attempt(
        "running cells for which marimo fails to make a key",
        "They fail.",
        lambda: _marimo.run_without_key(_without_key),
    )


def _hash_functions_whole() -> None:
    # Of marimo it takes names that nothing else needs.
    from marimo_cellar._marimo import functions

    functions.hash_functions_whole()


def _look_for_stubs_within() -> None:
    from marimo_cellar._marimo import functions

    functions.look_for_stubs_within()


def _set_again() -> None:
    from marimo_cellar import _marimo
    from marimo_cellar.session.changing import set_by

    _marimo.set_again(set_by)


def _say_call(arguments: Mapping[str, object]) -> str | None:
    from marimo_cellar.entries.arguments import written

    return written(arguments)


def _without_key(code: str, error: BaseException) -> None:
    first = next(iter(code.strip().splitlines()), "")
    warn_once(
        "key",
        # Cells that build on it fail in the same way.
        repr(error),
        f"marimo cannot tell what the cell that begins with {first!r} depends on "
        f"({error!r}). It runs each time, as do those that build on it.",
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
