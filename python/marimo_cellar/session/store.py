"""SqliteStore: marimo's store of bytes by key, in rows instead of files.

The store answers by key for whoever asks. The loaders know more than a key, and give
marimo a store of each entry's own (`entry_stores.py`). Both kinds are a `FileStore` to
marimo: only such a store is signed with the machine's own key.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from marimo_cellar import _marimo, forks
from marimo_cellar.database.database import Database, Unavailable, database_in
from marimo_cellar.database.folder import prepare
from marimo_cellar.database.recent import ABSENT, Answer
from marimo_cellar.entries import behind, blobs, by_key, clearing, entries, keys
from marimo_cellar.entries.entries import EntryKey, Owner
from marimo_cellar.entries.roll import Roll
from marimo_cellar.notices import warn_once
from marimo_cellar.session.entry_stores import EntryWriter
from marimo_cellar.session.parts import Parts
from marimo_cellar.session.stock import StockFiles
from marimo_cellar.settings import place

T = TypeVar("T")


class SqliteStore(_marimo.FileStore):
    """A store of marimo's in `cache.db`, in the folder that is marimo's cache.

    Without a `save_path` that is where `place.py` says. Nothing here
    raises: what fails is a miss, or not saved, and the user hears of it once.
    `stock_folder` is where marimo itself would keep files, if that is another.

    What is put is committed when `put` returns, unless it is written `behind`: then
    within milliseconds, or when `flush` returns, and this process reads it at once.
    """

    def __init__(
        self,
        save_path: str | None = None,
        stock_folder: Path | None = None,
        behind: bool = False,
    ) -> None:
        super().__init__(save_path)
        self._behind = behind
        self._failures = 0
        self._stock_folder = stock_folder
        self._stock: StockFiles | None = None
        self._database: Database | None = None
        forks.begins(self)

    def begin_process(self) -> None:
        # What came to a parent is the parent's to save, or to take back.
        self._parts = Parts()
        self._parts_lock = threading.Lock()

    @property
    def database(self) -> Database:
        """The database in the store's folder."""
        if self._database is None:
            database = database_in(self.save_path)
            # A relative path leads elsewhere when the process goes elsewhere.
            if not self.save_path.is_absolute():
                return database
            self._database = database
        return self._database

    @property
    def stock(self) -> StockFiles:
        """The files that marimo left before Cellar came."""
        folder = self._stock_folder or self.save_path
        stock = self._stock
        if stock is None or stock.folder is not folder:
            stock = self._stock = StockFiles(folder)
        return stock

    def get(self, key: str) -> bytes | None:
        key = keys.posix(key)
        if (known := self._known(key)) and known.content is not None:
            return known.content
        if _marimo.is_notebook_manifest(key):
            # To look for one, marimo would make the folder, or fail to.
            if not self.save_path.is_dir():
                return None
            return self._quietly(lambda: super(SqliteStore, self).get(key), None)
        if self._parts:
            with self._parts_lock:
                if (data := self._parts.pending(key)) is not None:
                    return data
        if (item := behind.queue_of(self.database).item(key)) is not None:
            data = self._quietly(lambda: blobs.waiting(self.database, item.blob), None)
            if data is not None:
                return data
        found = self._quietly(lambda: by_key.get(self.database, key), None)
        if found is None:
            found = self._quietly(lambda: self._old_value(key), None)
        return found

    def put(self, key: str, value: bytes) -> bool:
        key = keys.posix(key)
        if _marimo.is_notebook_manifest(key):
            return self._put_notebook_manifest(key, value)
        if entry := keys.entry_of(key):
            with self._parts_lock:
                writer = self._parts.take((entry.cache_name, entry.hash))
            if writer is None or entry.loader != "lazy":
                writer = EntryWriter(self.database, entry, self._owner())
            writer.entry = entry
            writer.put(key, value)
            return self._finish(writer)
        if part := keys.owner_of(key):
            name, hash = part

            def make() -> EntryWriter:
                entry = EntryKey(name, "U", hash, "lazy")
                return EntryWriter(self.database, entry, self._owner())

            with self._parts_lock:
                put = self._parts.writer_of(part, make).put(key, value)
                old = self._parts.take_old()
            for writer in old:
                writer.discard()
            return put
        folder, _, rest = key.rpartition("/")
        writer = EntryWriter(
            self.database, EntryKey(folder, "U", rest, "store"), self._owner()
        )
        writer.put(key, value)
        return self._finish(writer)

    def hit(self, key: str) -> bool:
        key = keys.posix(key)
        database = self.database
        # In the order in which what is put goes on.
        if self._parts:
            with self._parts_lock:
                if self._parts.pending(key) is not None:
                    return True
        if behind.queue_of(database).item(key) is not None:
            return True
        if known := self._answer(database, key):
            return True
        if known is ABSENT and not self.stock.may_have(key):
            return False
        if _marimo.is_notebook_manifest(key):
            return super().hit(key)
        return self._quietly(
            lambda: by_key.has(database, key) or self._may_be_old(key),
            False,
        )

    def clear(self, key: str) -> bool:
        """Removes the entry that holds the key: half an entry is of no use.

        marimo's own file of that key goes too. It would bring the result back.
        """
        key = keys.posix(key)
        if _marimo.is_notebook_manifest(key):
            return self._quietly(lambda: super(SqliteStore, self).clear(key), False)
        with self._parts_lock:
            if self._parts.clear(key):
                return True
        behind.settle(self.database)
        removed = self._quietly(lambda: self.stock.remove(key), False)
        return (
            self._quietly(lambda: clearing.clear_key(self.database, key), False)
            or removed
        )

    def get_batch(self, keys: Iterable[str]) -> Iterator[tuple[str, bytes | None]]:
        for key in keys:
            yield key, self.get(key)

    def local_dirs(self) -> list[Path]:
        return [self.save_path]

    def _default_save_path(self) -> Path:
        # Not marimo's own, which falls back to the working folder when this one
        # cannot be written: it may still be read.
        context = _marimo.current_context()
        path = _marimo.notebook_path(context) if context is not None else None
        self._stock_folder = _marimo.cache_folder(path)
        return place.folder_of(path)

    def flush(self) -> bool:
        """Waits until what was put is committed; False if some of it since the
        last call could not be, of which the user has heard."""
        queue = behind.queue_of(self.database)
        queue.settle()
        before, self._failures = self._failures, queue.failures
        return self._failures == before

    def writes_behind(self) -> bool:
        """Whether a save may return before it is committed.

        Not the first one, which shows whether anything can be saved here, nor one
        after a failure.
        """
        return self._behind and behind.queue_of(self.database).trusted

    def _finish(self, writer: EntryWriter) -> bool:
        return writer.finish_behind() if self.writes_behind() else writer.finish()

    def _owner(self) -> Owner:
        if _marimo.current_context() is None:
            # Without a kernel nobody needs what is imported here.
            return Owner(Roll(None))
        from marimo_cellar.session.session import current_session

        session = self._quietly(current_session, None)
        if session is None:
            return Owner(Roll(None))
        return session.owner(session.running_cell())

    def _known(self, key: str) -> Answer | None:
        """What was read of a key a while ago, and holds; None if nothing is known."""
        database = self.database
        # What is being put comes first.
        if self._parts or behind.queue_of(database).item(key) is not None:
            return None
        return self._answer(database, key)

    def _answer(self, database: Database, key: str) -> Answer | None:
        """The same of a key that nobody puts."""
        try:
            return database.connections.recent.answer(key)
        except Exception:
            # Whatever is the matter, a look into the database says it.
            return None

    def _old_value(self, key: str) -> bytes | None:
        """The bytes of marimo's own file of a key, where the loaders would use it."""
        return self.stock.read(key) if self._may_be_old(key) else None

    def _may_be_old(self, key: str) -> bool:
        """Whether a file of marimo's may answer for a key that the database lacks.

        Not for an entry that was cleared since, or whose own rows do not serve.
        """
        made_at = self.stock.written_at(key)
        if made_at is None or by_key.knows(self.database, key):
            return False
        # A blob is of use with its manifest only, which is hidden where that was evicted.
        name, hash = keys.owner_of(key) or ("", key)
        entry = keys.entry_of(key) or EntryKey(name, "U", hash, "lazy")
        hidden = entries.files_hidden_until(self.database, entry, self._owner())
        return made_at > hidden

    def _put_notebook_manifest(self, key: str, value: bytes) -> bool:
        """marimo's list of a notebook's keys: a file, where its tools look for it.

        It holds no value. Where it cannot be written, saying so again after the
        cache has said it would be noise.
        """
        with suppress(OSError, sqlite3.Error, Unavailable):
            if not self.database.path.exists():
                # It may come before the first commit, and a folder with a file that
                # is not ours counts as the user's.
                prepare(self.save_path)
            super().put(key, value)
        return True

    def _quietly(self, ask: Callable[[], T], otherwise: T) -> T:
        try:
            return ask()
        except (sqlite3.Error, Unavailable, FileExistsError, NotADirectoryError):
            # A folder that cannot be made is told of where the cache is opened.
            return otherwise
        except Exception as error:
            warn_once("fault", str(self.save_path), f"a lookup failed ({error!r}).")
            return otherwise
