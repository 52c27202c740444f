"""Loaders whose store is ours: which database, whose entries, and what is cleared.

What marimo shows of a loader's cache, and clears or waits for, it takes from the files
of a `FileStore`. Here it is rows.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

from marimo_cellar import _marimo
from marimo_cellar.database.apps import app_path
from marimo_cellar.database.database import Database, Unavailable
from marimo_cellar.entries import behind
from marimo_cellar.entries.entries import EntryKey, Owner
from marimo_cellar.loaders.belonging import Belonging
from marimo_cellar.notices import warn_once
from marimo_cellar.session.saves import SavesInFlight
from marimo_cellar.session.stock import StockFiles
from marimo_cellar.session.store import SqliteStore

if TYPE_CHECKING:
    from marimo_cellar.loaders.purging import Purge


class InDatabase(_marimo.BasePersistenceLoader):
    """Mixed in before marimo's class, whose entries are then in a database.

    With a store that is not ours, given or configured, all of it steps aside.
    """

    _kind: str

    def __init__(
        self, name: str, store: _marimo.Store | None = None, **kwargs: Any
    ) -> None:
        self._belonging = Belonging()
        # Of the key that was asked for last; all views of the loader share it.
        self._last_path: dict[tuple[str, str], Path] = {}
        try:
            self._belonging.learn()
            if store is None:
                store = self._own_store()
        except Exception as error:
            warn_once(
                "loader",
                name,
                f"the cache named {name!r} is left to marimo ({error!r}).",
            )
        if store is not None:
            kwargs["store"] = store
        super().__init__(name, **kwargs)

    def _own_store(self) -> _marimo.Store | None:
        """Our store, where marimo's default one would be; None where another is."""
        session = self._belonging.session
        return session.store if session is not None else SqliteStore()

    # marimo's interface

    def build_path(self, key: _marimo.HashKey) -> Path:
        # Asked for twice a lookup, of which making it anew took a tenth.
        asked = (key.cache_type, key.hash)
        path = self._last_path.get(asked)
        if path is None:
            path = super().build_path(key)
            self._last_path.clear()
            self._last_path[asked] = path
        return path

    def clear(self) -> None:
        """Removes this cache's entries of this notebook, and of no other."""
        database = self._database()
        if database is None:
            return super().clear()
        try:
            self.flush()
            self._purge(database).clear()
        except Exception as error:
            self.failed(database, error)

    def storage_dirs(self) -> list[Path]:
        if (database := self._database()) is None:
            return super().storage_dirs()
        return [database.folder]

    def clearable_paths(self) -> list[Path]:
        """The files that `clear` removes; small values lie in rows instead."""
        if (database := self._database()) is None:
            return super().clearable_paths()
        try:
            return self._purge(database).files()
        except Exception as error:
            self.failed(database, error)
            return []

    def clearable_bytes(self) -> int:
        if (database := self._database()) is None:
            return super().clearable_bytes()
        try:
            return self._purge(database).size()
        except Exception as error:
            self.failed(database, error)
            return 0

    def flush(self) -> None:
        database = self._database()
        if database is None:
            super().flush()
            self.saves.join()
            return
        queue = behind.queue_of(database)
        with queue.hurrying():
            super().flush()
            queue.settle()
            self.saves.join()

    # Who and what

    @property
    def saves(self) -> SavesInFlight:
        """The saves under way of the kernel that the loader was built in."""
        return self._belonging.saves

    @property
    def stock(self) -> StockFiles:
        """marimo's own files beside our database, if this loader's store is ours."""
        store = self._sqlite_store()
        assert store is not None
        return store.stock

    def failed(self, database: Database, error: Exception) -> None:
        """Any failure of ours is one warning and a miss."""
        if not isinstance(error, (sqlite3.Error, Unavailable)):
            warn_once(
                "fault",
                str(database.path),
                f"the cache in {database.folder} failed ({error!r}). The notebook "
                "runs on without it.",
            )

    def _sqlite_store(self) -> SqliteStore | None:
        store = _marimo.unwrapped(self.store)
        return store if isinstance(store, SqliteStore) else None

    def _database(self) -> Database | None:
        """Our database, if this loader's store is ours."""
        store = self._sqlite_store()
        if store is None:
            return None
        try:
            return store.database
        except Exception as error:
            warn_once("folder", repr(store), f"no folder for the cache ({error!r}).")
            return None

    def _entry(self, key: _marimo.HashKey) -> EntryKey:
        # As in `build_path`, which makes a path of it: that takes longer than a query.
        letter = _marimo.CACHE_PREFIX.get(key.cache_type, "U_")[:1]
        return EntryKey(self.name, letter, key.hash, self._kind)

    def _owner(self) -> Owner:
        return self._belonging.owner()

    def _purge(self, database: Database) -> Purge:
        from marimo_cellar.loaders.purging import Purge

        app = app_path(database.folder, self._owner().roll.path)
        return Purge(database, self.stock, self.name, self._kind, app)
