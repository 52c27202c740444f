"""What a live kernel, or an app embedded in one, has of Cellar's.

One for each context of marimo's, kept on it and gone with it: `marimo run` puts
many kernels on the threads of one process, and what is remembered for the process
would mix their values.
"""

from __future__ import annotations

import os
import threading
from functools import cached_property
from pathlib import Path
from typing import Any

from marimo_cellar import _marimo, forks
from marimo_cellar.database.naming import nameless
from marimo_cellar.entries.entries import Owner
from marimo_cellar.entries.roll import Roll
from marimo_cellar.features import answer
from marimo_cellar.notebook.notebook import (
    FileCell,
    KernelCell,
    Notebook,
    compose,
)
from marimo_cellar.notices import logger, warn_once
from marimo_cellar.session.notebook_file import cells_in
from marimo_cellar.session.running import Running
from marimo_cellar.session.saves import SavesInFlight
from marimo_cellar.session.store import SqliteStore
from marimo_cellar.settings import place


class Session:
    """Made by `session_of`. `store` is None where marimo's own store is wanted."""

    def __init__(self, context: Any, outer: Session | None) -> None:
        # None for a notebook without a file, and for an app made in a cell: its
        # cells are not the notebook's, only its cache is in the same place.
        self.path: Path | None = _marimo.notebook_path(context)
        self.place: Path | None = self.path or (
            outer.place if outer is not None else None
        )
        # The file as marimo named it last, also where `path` did not follow; and the
        # same object as it was told last, since paths are not compared in no time.
        self._name = self.path
        self._told: Path | None = None
        self.saves: SavesInFlight = (
            outer.saves if outer is not None else SavesInFlight()
        )
        self.store: SqliteStore | None = None
        if not answer(
            "seeing whether another store is configured",
            "Results are cached by marimo itself.",
            lambda: _marimo.another_store_is_configured(self.place),
            True,
        ):
            self.store = self._own_store()
        # What `lazy` loaders share, so that the keys they used are known together.
        self.lazy_store: _marimo.Store | None = (
            _marimo.LazyStore(self.store) if self.store is not None else None
        )
        self.roll = Roll(self.path)
        self.running = Running()
        # What was spent in this kernel so far: see `spending`.
        self.spent = 0.0
        self._context = context
        forks.begins(self)
        self._graph: tuple[object, ...] = ()
        self._stamp: tuple[int, int] | None = None
        self._notebook: Notebook | None = None

    def _own_store(self) -> SqliteStore | None:
        folder = place.folder_of(self.place)
        if (why := nameless(folder, self.place)) is not None:
            warn_once(
                "nameless", str(folder), f"{why} Results are cached by marimo itself."
            )
            return None
        return SqliteStore(
            str(folder), stock_folder=_marimo.cache_folder(self.place), behind=True
        )

    def begin_process(self) -> None:
        self._lock = threading.Lock()

    @cached_property
    def cost_per_hour(self) -> float | None:
        """What an hour of computing costs here, in money; as it was set at first use."""
        # Only saves ask for it.
        from marimo_cellar.settings import settings

        try:
            return settings.settings_of(self.place).cost_per_hour
        except Exception:
            # Not worth a result.
            logger.debug("Cellar: the settings were not read.", exc_info=True)
            return None

    @cached_property
    def recomputes_on_change(self) -> bool:
        """Whether what was made of a file that has changed since is computed anew; as it
        was set at first use."""
        from marimo_cellar.settings import recomputing

        try:
            folder = _marimo.notebook_folder(self.place)
            return recomputing.find_recompute(folder, place.this_system(), [])
        except Exception:
            logger.debug("Cellar: the settings were not read.", exc_info=True)
            return False

    def reloads_modules(self) -> bool:
        """Whether modules are loaded anew as their files change: cells that use one are
        then to run by the new one."""
        return answer(
            "seeing whether modules are reloaded",
            "What they made before is served.",
            lambda: _marimo.reloads_modules(self._context),
            False,
        )

    def running_cell(self) -> str | None:
        """marimo's id of the cell that the kernel's thread runs."""
        return _marimo.running_cell(self._context)

    def owner(self, kernel_id: str | None) -> Owner:
        """A cell of the notebook as it stands now."""
        self._follow_rename()
        return Owner(self.roll, self._current_notebook(), kernel_id)

    def _follow_rename(self) -> None:
        """The notebook may be saved under another name while its kernel runs.

        In a folder whose cache is elsewhere it stays what it was to this kernel.
        """
        path = _marimo.renamed_path(self._context)
        if path is self._told:
            return
        self._told = path
        if path in (None, self._name) or self.place != self.path:
            return
        self._name = path
        folder = place.folder_of(self.path)
        if place.folder_of(path) == folder and nameless(folder, path) is None:
            self.path = self.place = path
            self.roll.rename(path)

    def _current_notebook(self) -> Notebook:
        with self._lock:
            graph = _marimo.graph_state(self._context)
            stamp = self._file_stamp()
            if (
                self._notebook is None
                or stamp != self._stamp
                # Which looks at a cell only where it is not the same object: this is
                # asked for each cell of a run.
                or graph != self._graph
            ):
                cells = _marimo.graph_cells(self._context)
                self._notebook = compose(cells, self._file_cells(cells), self._notebook)
                self._graph, self._stamp = graph, stamp
            return self._notebook

    def _file_stamp(self) -> tuple[int, int] | None:
        try:
            found = os.stat(self.path) if self.path is not None else None
        except OSError:
            return None
        return (found.st_mtime_ns, found.st_size) if found is not None else None

    def _file_cells(self, cells: list[KernelCell]) -> list[FileCell]:
        path = self.path
        if path is None:
            return []
        try:
            if path.suffix == ".py":
                codes = [cell.code for cell in cells]
                if found := cells_in(path.read_text("utf-8"), codes):
                    return found
            return answer(
                "knowing cells by their names",
                "They are known by their code alone.",
                lambda: _marimo.file_cells(path),
                [],
            )
        except Exception:
            # The file is being written, is gone or does not parse. The cells have
            # no names then, which is no reason not to cache them.
            return []


def session_of(context: Any) -> Session:
    """The session of a context, made at its first use."""
    session = _marimo.session_in(context)
    if session is None:
        outer = _marimo.parent_of(context)
        session = Session(context, session_of(outer) if outer else None)
        _marimo.keep_session(context, session)
    assert isinstance(session, Session)
    return session


def current_session() -> Session | None:
    """The session of the kernel that this thread runs."""
    context = _marimo.current_context()
    return session_of(context) if context is not None else None
