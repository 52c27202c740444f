"""The stores of one entry: what a loader has marimo write it to, and read it from.

An `EntryWriter` makes all of an entry's keys one transaction. An `EntryReader` holds
bytes that are all there and checked.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from marimo_cellar import _marimo
from marimo_cellar.database import faults
from marimo_cellar.database.database import Database, Unavailable
from marimo_cellar.entries import behind, blobs, keys
from marimo_cellar.entries.contents import Loaded
from marimo_cellar.entries.entries import Cost, EntryKey, Item, Owner
from marimo_cellar.entries.saving import Save
from marimo_cellar.notices import warn_once
from marimo_cellar.values import manifests
from marimo_cellar.values.blobfile import Bytes


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
        # Whether the disk had no room for the entry.
        self.lacked_room = False
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
    def size(self) -> int:
        """Bytes of what was put."""
        return sum(blob.size for blob in self._blobs.values())

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
        self.lacked_room = faults.is_full(error)
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


def described(cache: _marimo.Cache) -> tuple[str, str | None]:
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
