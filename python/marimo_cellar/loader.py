"""SqliteLoader: marimo's loaders over rows.

What a value becomes, and whether an entry is to be believed, stays marimo's
business: each class here is marimo's loader of that name. A load gets a store of
its own that holds the entry's bytes, all there and checked; a save gets one that
collects them for one transaction. So two cells, or two notebooks in one process,
with the same hash never meet each other's bytes.
"""

from __future__ import annotations

import copy
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from marimo_cellar import _marimo, blobs, clearing, entries, keys, lookups, manifests
from marimo_cellar.batches import in_batches
from marimo_cellar.cells import Roll, app_path
from marimo_cellar.database import Database, Unavailable
from marimo_cellar.entries import EntryKey, Found, Loaded, Owner
from marimo_cellar.lookups import Lookup
from marimo_cellar.notices import warn_once
from marimo_cellar.saves import SavesInFlight
from marimo_cellar.session import Session, current_session
from marimo_cellar.stock import StockFiles
from marimo_cellar.store import EntryReader, EntryWriter, SqliteStore
from marimo_cellar.takeover import old_file, take_in

# The names that the block or function being looked up must restore, while marimo
# asks. It checks them only after loading, with an error that breaks the cell.
_names_wanted: ContextVar[frozenset[str] | None] = ContextVar(
    "names_wanted", default=None
)


class _Cellar(_marimo.BasePersistenceLoader):
    """What our three loaders have in common; mixed in before marimo's class.

    With a store that is not ours, given or configured, all of it steps aside.
    """

    _kind: str
    _writer: EntryWriter | None = None

    def __init__(
        self, name: str, store: _marimo.Store | None = None, **kwargs: Any
    ) -> None:
        self._session: Session | None = None
        self._kernel_id: str | None = None
        self._saves = SavesInFlight()
        # Lookups that missed, until their results are saved.
        self._missed: dict[str, Lookup] = {}
        try:
            self._session = current_session()
            if self._session is not None:
                self._saves = self._session.saves
                if _built_by_a_cell():
                    self._kernel_id = self._session.running_cell()
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
        if self._session is not None:
            return self._session.store
        return SqliteStore()

    # marimo's interface

    def cache_hit(self, key: _marimo.HashKey) -> bool:
        database = self._database()
        if database is None:
            return super().cache_hit(key)
        try:
            entry, owner = self._entry(key), self._owner()
            if founds := entries.candidates(database, entry, owner):
                return any(entries.exists(database, found) for found in founds)
            return old_file(database, self._stock(), entry, owner) is not None
        except Exception as error:
            self._failed(database, error)
            return False

    def cache_attempt(
        self,
        defs: set[str],
        key: _marimo.HashKey,
        stateful_refs: set[str],
        glbls: dict[str, Any] | None = None,
    ) -> _marimo.Cache:
        token = _names_wanted.set(frozenset(defs | stateful_refs))
        try:
            return super().cache_attempt(defs, key, stateful_refs, glbls)
        finally:
            _names_wanted.reset(token)

    def load_cache(
        self, key: _marimo.HashKey, glbls: dict[str, Any] | None = None
    ) -> _marimo.Cache | None:
        database = self._database()
        if database is None:
            return super().load_cache(key, glbls)
        start = time.time()
        try:
            entry, owner = self._entry(key), self._owner()
            founds = entries.candidates(database, entry, owner)
        except Exception as error:
            self._failed(database, error)
            return None
        lookup = Lookup(database, entry, owner, "miss", start)
        for found in founds:
            cache, lookup.why = self._restore(database, key, found, glbls)
            if cache is not None:
                lookup.outcome, lookup.found = "hit", found
                lookup.seconds = time.time() - start
                lookups.note(lookup)
                return cache
        # An entry that is there and does not serve, such as a damaged one, does not
        # come back from an old file: it is made anew.
        if not founds and (cache := self._take_over(lookup, key, glbls)) is not None:
            return cache
        self._missed[key.hash] = lookup
        lookups.note(lookup)
        return None

    def save_cache(self, cache: _marimo.Cache) -> bool:
        database = self._database()
        if database is None:
            return super().save_cache(cache)
        try:
            view = copy.copy(self)
            view._writer = self._writer_for(database, cache)
            view.store = view._writer
        except Exception as error:
            self._failed(database, error)
            return False
        return view._save(cache)

    def clear(self) -> None:
        """Removes this cache's entries of this notebook, and of no other."""
        database = self._database()
        if database is None:
            return super().clear()
        try:
            self.flush()
            # marimo's old files too, of this name and kind, as marimo's own loader
            # does: whose they are, nobody knows, and they would bring it all back.
            stock = self._stock()
            for entry in stock.entries(self.name, self._kind):
                stock.remove(keys.key_of(entry))
            clearing.clear(database, self.name, self._kind, self._app(database))
        except Exception as error:
            self._failed(database, error)

    def storage_dirs(self) -> list[Path]:
        if (database := self._database()) is None:
            return super().storage_dirs()
        return [database.folder]

    def clearable_paths(self) -> list[Path]:
        """The files that `clear` removes; small values lie in rows instead."""
        if (database := self._database()) is None:
            return super().clearable_paths()
        return [
            path
            for digest, _, file in self._clearable(database)
            if file is not None
            and (path := blobs.path_of(database, digest, file)) is not None
        ] + self._old_files()

    def clearable_bytes(self) -> int:
        if (database := self._database()) is None:
            return super().clearable_bytes()
        sizes = [size for _, size, _ in self._clearable(database)]
        for path in self._old_files():
            with suppress(OSError):
                sizes.append(path.lstat().st_size)
        return sum(sizes)

    def flush(self) -> None:
        super().flush()
        self._saves.join()

    # Saving

    def _save(self, cache: _marimo.Cache) -> bool:
        """On the view whose store is a writer: marimo's own `save_cache`."""
        if not super().save_cache(cache):
            return False
        assert self._writer is not None
        return self._writer.finish()

    def _writer_for(self, database: Database, cache: _marimo.Cache) -> EntryWriter:
        runtime = cache.meta.get("runtime")
        lookup = self._missed.pop(cache.hash, None)
        if lookup is not None:
            lookup.seconds = runtime
            lookups.note(lookup)
        label, hint = _described(cache)
        return EntryWriter(
            database,
            self._entry(cache.key),
            self._owner(),
            runtime,
            label,
            hint,
        )

    # Loading

    def _restore(
        self,
        database: Database,
        key: _marimo.HashKey,
        found: Found,
        glbls: dict[str, Any] | None,
    ) -> tuple[_marimo.Cache | None, str | None]:
        """The entry as marimo restores it from its bytes, or why it did not."""
        try:
            loaded = entries.load(database, found)
        except Exception as error:
            self._failed(database, error)
            return None, "it could not be read"
        if loaded.why is not None:
            return None, loaded.why
        return self._restored(database, key, loaded, glbls)

    def _restored(
        self,
        database: Database,
        key: _marimo.HashKey,
        loaded: Loaded,
        glbls: dict[str, Any] | None,
    ) -> tuple[_marimo.Cache | None, str | None]:
        """What marimo makes of an entry's bytes, or why it makes nothing of them."""
        why = self._unfit(key, loaded)
        if why is not None:
            return None, why
        view = copy.copy(self)
        view.store = EntryReader(database.folder, loaded.contents)
        try:
            cache = super(_Cellar, view).load_cache(key, glbls)
        except _marimo.LoaderError as error:
            return None, str(error)
        except Exception as error:
            if self._must_raise(error):
                raise
            return None, f"it could not be restored ({error})"
        if cache is None:
            return None, "marimo did not accept it"
        if cache.hash != key.hash:
            return None, "it holds another entry"
        wanted = _names_wanted.get()
        if wanted is not None and wanted != set(cache.defs):
            return None, "it holds other names"
        return cache, None

    def _unfit(self, key: _marimo.HashKey, loaded: Loaded) -> str | None:
        """Why marimo should not even see the entry."""
        if self._posix_key(key) not in loaded.contents:
            return "it is not whole"
        return None

    def _must_raise(self, error: Exception) -> bool:
        """Whether the error is the user's own wish, not a fault of the cache."""
        return False

    # What marimo cached before Cellar came

    def _take_over(
        self, lookup: Lookup, key: _marimo.HashKey, glbls: dict[str, Any] | None
    ) -> _marimo.Cache | None:
        """The entry from marimo's own file, which is then taken in and noted."""
        database, stock = lookup.database, self._stock()
        try:
            made_at = old_file(database, stock, lookup.key, lookup.owner)
            if made_at is None:
                return None
            loaded = stock.load(lookup.key)
        except Exception as error:
            self._failed(database, error)
            return None
        cache, lookup.why = self._restored(database, key, loaded, glbls)
        if cache is None:
            return None
        lookup.outcome, lookup.seconds = "hit", time.time() - lookup.at
        try:
            take_in(self._saves, lookup, loaded, made_at, *_described(cache))
        except Exception as error:
            self._failed(database, error)
        return cache

    def _old_files(self) -> list[Path]:
        stock = self._stock()
        return [
            file
            for entry in stock.entries(self.name, self._kind)
            for file in stock.files(entry)
        ]

    def _stock(self) -> StockFiles:
        """The files beside our database, if this loader's store is ours."""
        store = self._sqlite_store()
        assert store is not None
        return store.stock

    # Who and what

    def _sqlite_store(self) -> SqliteStore | None:
        store = self.store
        if isinstance(store, _marimo.LazyStore):
            store = store._inner
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
        letter = self.build_path(key).name[:1]
        return EntryKey(self.name, letter, key.hash, self._kind)

    def _posix_key(self, key: _marimo.HashKey) -> str:
        return self.build_path(key).as_posix()

    def _owner(self) -> Owner:
        """The cell that the loader was built in, else the one that runs.

        A function's cache belongs to the cell that defines it, whoever calls it;
        one that comes with an imported module, to the caller.
        """
        if self._kernel_id is not None and self._session is not None:
            owner = self._session.owner(self._kernel_id)
            if owner.notebook is not None and owner.notebook.cell(self._kernel_id):
                return owner
        session = current_session() or self._session
        if session is None:
            return Owner(Roll(None))
        return session.owner(session.running_cell())

    def _app(self, database: Database) -> str:
        return app_path(database, self._owner().roll.path)

    def _clearable(self, database: Database) -> list[tuple[bytes, int, str | None]]:
        try:
            return clearing.clearable(
                database, self.name, self._kind, self._app(database)
            )
        except Exception as error:
            self._failed(database, error)
            return []

    def _failed(self, database: Database, error: Exception) -> None:
        """Any failure of ours is one warning and a miss."""
        if not isinstance(error, (sqlite3.Error, Unavailable)):
            warn_once(
                "fault",
                str(database.path),
                f"the cache in {database.folder} failed ({error!r}). The notebook "
                "runs on without it.",
            )


class SqliteLoader(_Cellar, _marimo.LazyLoader):
    """marimo's `lazy` loader, which `cache_cells` uses, over a `SqliteStore`."""

    _kind = "lazy"

    def _own_store(self) -> _marimo.Store | None:
        # Wrapped, as marimo's own is, so that it knows which keys a run used. And
        # always given: without one marimo takes another loader's by its name.
        store = super()._own_store()
        return _marimo.LazyStore(store) if store is not None else None

    def _save(self, cache: _marimo.Cache) -> bool:
        # Dispatched: the writer is finished where the last byte is written.
        return _marimo.LazyLoader.save_cache(self, cache)

    def _dispatch_write(self, write_fn: Callable[[], None]) -> None:
        writer = self._writer
        if writer is None:
            return super()._dispatch_write(write_fn)

        def write() -> None:
            try:
                with in_batches():
                    write_fn()
                writer.finish()
            finally:
                self._saves.done()

        self._saves.begin()
        try:
            super()._dispatch_write(write)
        except BaseException:
            self._saves.done()
            raise

    def _unfit(self, key: _marimo.HashKey, loaded: Loaded) -> str | None:
        manifest = loaded.contents.get(self._posix_key(key))
        if manifest is None:
            return "it is not whole"
        return manifests.fault(manifest, key.hash, loaded.digests, _names_wanted.get())

    def _must_raise(self, error: Exception) -> bool:
        # Under `strict` the user wants no entry that nobody they trust has signed
        # to pass in silence. All that may be a fault of ours was checked before.
        return True


class SqlitePickleLoader(_Cellar, _marimo.PickleLoader):
    """marimo's `pickle` loader over a `SqliteStore`."""

    _kind = "pickle"


class SqliteJsonLoader(_Cellar, _marimo.JsonLoader):
    """marimo's `json` loader over a `SqliteStore`."""

    _kind = "json"


def _built_by_a_cell() -> bool:
    """Whether the loader being made is made by code of a cell itself.

    marimo's own frames lie between; code of an imported module has other globals.
    """
    context = _marimo.current_context()
    for namespace in _callers():
        if not _marimo.is_called_from_marimo(namespace):
            return context is not None and _marimo.is_cells_own_code(context, namespace)
    return False


def _callers() -> Iterator[dict[str, Any]]:
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_globals.get("__name__") not in ("functools", "contextlib"):
            yield frame.f_globals
        frame = frame.f_back  # type: ignore[assignment]


def _described(cache: _marimo.Cache) -> tuple[str, str | None]:
    """A name and a type for an entry of one blob: what people call its value."""
    names = sorted(cache.defs)
    if not names:
        return "return", _type_name(cache.meta.get("return"))
    hint = _type_name(cache.defs[names[0]]) if len(names) == 1 else None
    return ", ".join(names), hint


def _type_name(value: Any) -> str | None:
    if value is None:
        return None
    return f"{type(value).__module__}.{type(value).__name__}"
