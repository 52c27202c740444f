"""SqliteStore: marimo's store of bytes by key, in rows instead of files.

The store answers by key for whoever asks. The loaders know more than a key: they
write through an `EntryWriter`, which makes all of an entry's keys one transaction,
and let marimo read from an `EntryReader`, whose bytes are all there and checked.
All three are a `FileStore` to marimo: only such a store is signed with the
machine's own key.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from marimo_cellar import (
    _marimo,
    behind,
    blobs,
    clearing,
    contents,
    entries,
    keys,
    manifests,
    place,
)
from marimo_cellar.blobfile import Bytes
from marimo_cellar.cells import Roll
from marimo_cellar.contents import Loaded
from marimo_cellar.database import Database, Unavailable, database_in
from marimo_cellar.entries import Cost, EntryKey, Item, Owner
from marimo_cellar.notices import warn_once
from marimo_cellar.recent import ABSENT, Answer
from marimo_cellar.saving import Save
from marimo_cellar.stock import StockFiles

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
        # Blobs whose manifest has not come yet, by cache name and hash.
        self._parts: dict[tuple[str, str], EntryWriter] = {}
        self._parts_lock = threading.Lock()
        self._database: Database | None = None

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
            return self._quietly(lambda: super(SqliteStore, self).get(key), None)
        if self._parts:
            with self._parts_lock:
                for writer in self._parts.values():
                    if (data := writer.pending(key)) is not None:
                        return data
        if (item := behind.queue_of(self.database).item(key)) is not None:
            data = self._quietly(lambda: blobs.waiting(self.database, item.blob), None)
            if data is not None:
                return data
        found = self._quietly(lambda: contents.get_key(self.database, key), None)
        if found is None:
            found = self._quietly(lambda: self._old_value(key), None)
        return found

    def put(self, key: str, value: bytes) -> bool:
        key = keys.posix(key)
        if _marimo.is_notebook_manifest(key):
            return self._put_notebook_manifest(key, value)
        if entry := keys.entry_of(key):
            with self._parts_lock:
                writer = self._parts.pop((entry.cache_name, entry.hash), None)
            if writer is None or entry.loader != "lazy":
                writer = EntryWriter(self.database, entry, self._owner())
            writer.entry = entry
            writer.put(key, value)
            return self._finish(writer)
        if part := keys.owner_of(key):
            name, hash = part
            with self._parts_lock:
                writer = self._parts.get(part)
                if writer is None:
                    writer = EntryWriter(
                        self.database,
                        EntryKey(name, "U", hash, "lazy"),
                        self._owner(),
                    )
                    self._parts[part] = writer
                return writer.put(key, value)
        folder, _, rest = key.rpartition("/")
        writer = EntryWriter(
            self.database, EntryKey(folder, "U", rest, "store"), self._owner()
        )
        writer.put(key, value)
        return self._finish(writer)

    def hit(self, key: str) -> bool:
        key = keys.posix(key)
        if known := self._known(key):
            return True
        if known is ABSENT and not self.stock.may_have(key):
            return False
        if _marimo.is_notebook_manifest(key):
            return super().hit(key)
        if self._parts:
            with self._parts_lock:
                if any(
                    writer.pending(key) is not None for writer in self._parts.values()
                ):
                    return True
        if behind.queue_of(self.database).item(key) is not None:
            return True
        return self._quietly(
            lambda: contents.has_key(self.database, key) or self._may_be_old(key),
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
            for writer in self._parts.values():
                if writer.clear(key):
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
        from marimo_cellar.session import current_session

        session = self._quietly(current_session, None)
        if session is None:
            return Owner(Roll(None))
        return session.owner(session.running_cell())

    def _known(self, key: str) -> Answer | None:
        """What was read of a key a while ago, and holds; None if nothing is known."""
        # What is being put comes first.
        if self._parts or behind.queue_of(self.database).item(key) is not None:
            return None
        try:
            return self.database.connections.recent.answer(key)
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
        if made_at is None or contents.knows_key(self.database, key):
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
            super().put(key, value)
        return True

    def _quietly(self, ask: Callable[[], T], otherwise: T) -> T:
        try:
            return ask()
        except (sqlite3.Error, Unavailable):
            return otherwise
        except Exception as error:
            warn_once("fault", str(self.save_path), f"a lookup failed ({error!r}).")
            return otherwise


class EntryWriter(_marimo.FileStore):
    """Takes the keys of one entry, and writes them in one transaction or not.

    A store that raises from `put` would make marimo mark the value as one that
    cannot be saved, for good; one that returns False would leave a manifest that
    names a blob that is not there. So a failure is kept until `finish`.
    """

    def __init__(
        self,
        database: Database,
        entry: EntryKey,
        owner: Owner,
        runtime: float | None = None,
        label: str | None = None,
        type_hint: str | None = None,
        made_at: float | None = None,
        cost: Cost | None = None,
    ) -> None:
        # Not by `super`, which makes a path of the folder for every entry anew.
        self._resolved_save_path = database.folder
        self.entry = entry
        self._database = database
        self._owner = owner
        self._runtime = runtime
        self._label = label
        self._type_hint = type_hint
        self._made_at = made_at
        self._cost = cost
        self._blobs: dict[str, blobs.Blob] = {}
        self._last: tuple[str, Bytes] | None = None
        # Whether what was put last is kept for `take_digest`, and that with its digest.
        self.keeps_newest = False
        self._newest: tuple[Bytes, bytes] | None = None
        self._failure: Exception | None = None
        self._writable = False

    def put(self, key: str, value: Bytes) -> bool:
        key = keys.posix(key)
        try:
            if (
                len(value) > blobs.INLINE_BYTES
                or not behind.queue_of(self._database).trusted
            ):
                self._check()
            # A variable and the output that shows it are often the same bytes.
            known = any(blob.size == len(value) for blob in self._blobs.values())
            self._newest = None
            blob = blobs.prepare(self._database, value, keys.format_of(key), known)
            self._blobs[key] = blob
            if self.keeps_newest:
                self._newest = value, blob.digest
            if keys.entry_of(key) or self.entry.loader == "store":
                self._last = key, value
        except Exception as error:
            self._failure = error
        return True

    def get(self, key: str) -> bytes | None:
        return self.pending(keys.posix(key))

    def hit(self, key: str) -> bool:
        return keys.posix(key) in self._blobs

    def clear(self, key: str) -> bool:
        return self._blobs.pop(keys.posix(key), None) is not None

    def pending(self, key: str) -> bytes | None:
        """The bytes of a key that is not committed yet."""
        blob = self._blobs.get(key)
        return None if blob is None else blobs.waiting(self._database, blob)

    @property
    def digests(self) -> Mapping[str, bytes]:
        """The digests of what was put, by key."""
        return {key: blob.digest for key, blob in self._blobs.items()}

    def take_digest(self, data: object) -> str | None:
        """The digest, in hex, of what was put last, if that is `data`; once."""
        newest, self._newest = self._newest, None
        return newest[1].hex() if newest and newest[0] is data else None

    @property
    def last(self) -> Bytes | None:
        """What was put last: the manifest, or all of the entry in one."""
        return self._last[1] if self._last is not None else None

    def settles_with(self, most: int) -> bool:
        """Whether the files that the entry was made of are no more bytes than that."""
        read = self._owner.made.reads if self._owner.made is not None else ()
        return sum(one.size for one in read) <= most

    def settle(self, most: int) -> None:
        """Looks at the files that the entry was made of, up to so many bytes."""
        if self._owner.made is not None:
            self._owner.made.settle(most)

    @property
    def failed(self) -> bool:
        """Whether something could not be put, so that `finish` will say what."""
        return self._failure is not None

    def finish(self) -> bool:
        """Writes the entry. False, and one warning, if it could not be whole."""
        save = self._add(None)
        if save is None:
            return False
        behind.settle(self._database)
        return save.saved

    def finish_behind(
        self, then: Callable[[], None] | None = None, here: bool = False
    ) -> bool:
        """Has the entry written soon, and `then` called on whatever thread; `here`
        where the calling one has nothing else to do.

        False where there is nothing to write: then it is not called.
        """
        return self._add(then, here) is not None

    def _add(self, then: Callable[[], None] | None, here: bool = False) -> Save | None:
        """Queues the entry; None if it is not whole, or marimo gave it up."""

        def end() -> None:
            try:
                if save.failure is not None:
                    self._tell(save.failure)
                if not save.saved:
                    self.discard()
            finally:
                if then is not None:
                    then()

        try:
            if self._failure is not None:
                raise self._failure
            # Without a last key marimo gave the entry up, and has said why.
            if self._last is not None:
                save = Save(
                    self.entry,
                    self._owner,
                    self._items(),
                    self._runtime,
                    # What an older entry was made with, nobody noted.
                    _marimo.versions() if self._made_at is None else {},
                    self._made_at,
                    end,
                    cost=self._cost,
                )
                behind.queue_of(self._database).add(save, here)
                return save
        except Exception as error:
            self._tell(error)
        self.discard()
        return None

    def _tell(self, error: Exception) -> None:
        if isinstance(error, (sqlite3.Error, Unavailable)):
            # The database has told the user what is the matter with it.
            return
        if isinstance(error, OSError):
            self._database.cannot_write(error)
            return
        warn_once(
            "save",
            str(self._database.path),
            f"a result could not be saved to {self._database.folder} "
            f"({error}). The notebook runs on without it.",
        )

    def _check(self) -> None:
        """Raises `Unavailable` before anything is written that no row will name."""
        if self._writable or self._failure is not None:
            return
        with self._database.reading():
            if self._database.read_only:
                raise Unavailable(f"{self._database.path} can only be read")
        self._writable = True

    def discard(self) -> None:
        """Takes back the files that were written for an entry that is not there."""
        with suppress(sqlite3.Error, OSError, Unavailable):
            blobs.unlink(
                self._database,
                [
                    (blob.digest, blob.file)
                    for blob in self._blobs.values()
                    if blob.file is not None and blob.content is None
                ],
            )

    def _items(self) -> list[Item]:
        assert self._last is not None
        last_key, last_value = self._last
        lazy = self.entry.loader == "lazy"
        hints = manifests.type_hints(last_value) if lazy else {}
        items = []
        for key, blob in self._blobs.items():
            if key == last_key and lazy:
                name, hint = "manifest", None
            elif key == last_key:
                name, hint = self._label or keys.stem(key), self._type_hint
            else:
                name, hint = keys.stem(key), hints.get(key)
            items.append(Item(key, name, keys.format_of(key), hint, blob))
        return items


class EntryReader(_marimo.FileStore):
    """An entry's bytes by key, for marimo to restore from."""

    def __init__(self, folder: Path, loaded: Loaded) -> None:
        # Not by `super`, which makes a path of the folder for every entry anew.
        self._resolved_save_path = folder
        self._loaded = loaded

    # A mapping stands for bytes in all that marimo does with it: it measures, hashes
    # and unpickles it; the other formats are mapped only for deserialisers of ours.
    def get(self, key: str) -> Bytes | None:  # type: ignore[override]
        return self._loaded.contents.get(keys.posix(key))

    def hit(self, key: str) -> bool:
        return keys.posix(key) in self._loaded.contents

    def has_digest(self, key: str, digest: str | None) -> bool:
        """Whether the key's bytes were found to have this digest, in hex."""
        key = keys.posix(key)
        return key in self._loaded.hashed and self._loaded.digests[key].hex() == digest
