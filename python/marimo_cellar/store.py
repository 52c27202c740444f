"""SqliteStore: marimo's store of bytes by key, in rows instead of files.

The store answers by key for whoever asks. The loaders know more than a key: they
write through an `EntryWriter`, which makes all of an entry's keys one transaction,
and let marimo read from an `EntryReader`, whose bytes are all there and checked.
All three are a `FileStore` to marimo: only such a store is signed with the
machine's own key.
"""

from __future__ import annotations

import json
import re
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from marimo_cellar import _marimo, blobs, entries, place
from marimo_cellar.cells import Roll
from marimo_cellar.database import Database, Unavailable, database_in
from marimo_cellar.entries import EntryKey, Item, Owner
from marimo_cellar.notices import warn_once

T = TypeVar("T")

# `{name}/{T}_{hash}.{suffix}`: a whole entry of one blob, or a manifest.
_ENTRY_KEY = re.compile(r"([^/]+)/([PCEXDU])_([^/]+)\.(jsonl|pickle|json)")
# `{name}/{hash}/{variable}.{format}`: a blob of an entry whose manifest follows. The
# hash is a digest in base64; any other folder's file stands for itself.
_PART_KEY = re.compile(r"([^/]+)/([\w-]{20,})/([^/]+)\.([a-z]+)")
_LOADERS = {"jsonl": "lazy", "pickle": "pickle", "json": "json"}


class SqliteStore(_marimo.FileStore):
    """A store of marimo's in `cache.db`, in the folder that is marimo's cache.

    Without a `save_path` that is where `place.py` says. Nothing here
    raises: what fails is a miss, or not saved, and the user hears of it once.
    """

    def __init__(self, save_path: str | None = None) -> None:
        super().__init__(save_path)
        # Blobs whose manifest has not come yet, by cache name and hash.
        self._parts: dict[tuple[str, str], EntryWriter] = {}
        self._parts_lock = threading.Lock()

    @property
    def database(self) -> Database:
        """The database in the store's folder."""
        return database_in(self.save_path)

    def get(self, key: str) -> bytes | None:
        key = _posix(key)
        if _marimo.is_notebook_manifest(key):
            return self._quietly(lambda: super(SqliteStore, self).get(key), None)
        with self._parts_lock:
            for writer in self._parts.values():
                if (data := writer.pending(key)) is not None:
                    return data
        return self._quietly(lambda: entries.get_key(self.database, key), None)

    def put(self, key: str, value: bytes) -> bool:
        key = _posix(key)
        if _marimo.is_notebook_manifest(key):
            return self._put_notebook_manifest(key, value)
        if whole := _ENTRY_KEY.fullmatch(key):
            name, cache_type, hash, suffix = whole.groups()
            with self._parts_lock:
                writer = self._parts.pop((name, hash), None)
            entry = EntryKey(name, cache_type, hash, _LOADERS[suffix])
            if writer is None or suffix != "jsonl":
                writer = EntryWriter(self.database, entry, self._owner())
            writer.entry = entry
            writer.put(key, value)
            return writer.finish()
        if (part := _PART_KEY.fullmatch(key)) and part[4] in blobs.FORMATS:
            with self._parts_lock:
                writer = self._parts.get((part[1], part[2]))
                if writer is None:
                    writer = EntryWriter(
                        self.database,
                        EntryKey(part[1], "U", part[2], "lazy"),
                        self._owner(),
                    )
                    self._parts[part[1], part[2]] = writer
                return writer.put(key, value)
        folder, _, rest = key.rpartition("/")
        writer = EntryWriter(
            self.database, EntryKey(folder, "U", rest, "store"), self._owner()
        )
        writer.put(key, value)
        return writer.finish()

    def hit(self, key: str) -> bool:
        key = _posix(key)
        if _marimo.is_notebook_manifest(key):
            return super().hit(key)
        with self._parts_lock:
            if any(writer.pending(key) is not None for writer in self._parts.values()):
                return True
        return self._quietly(lambda: entries.has_key(self.database, key), False)

    def clear(self, key: str) -> bool:
        """Removes the entry that holds the key: half an entry is of no use."""
        key = _posix(key)
        if _marimo.is_notebook_manifest(key):
            return self._quietly(lambda: super(SqliteStore, self).clear(key), False)
        with self._parts_lock:
            for writer in self._parts.values():
                if writer.clear(key):
                    return True
        return self._quietly(lambda: entries.clear_key(self.database, key), False)

    def get_batch(self, keys: Iterable[str]) -> Iterator[tuple[str, bytes | None]]:
        for key in keys:
            yield key, self.get(key)

    def local_dirs(self) -> list[Path]:
        return [self.save_path]

    def _default_save_path(self) -> Path:
        # Not marimo's own, which falls back to the working folder when this one
        # cannot be written: it may still be read.
        context = _marimo.current_context()
        return place.folder_of(
            _marimo.notebook_path(context) if context is not None else None
        )

    def _owner(self) -> Owner:
        from marimo_cellar.session import current_session

        session = self._quietly(current_session, None)
        if session is None:
            return Owner(Roll(None))
        return session.owner(session.running_cell())

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
    ) -> None:
        super().__init__(str(database.folder))
        self.entry = entry
        self._database = database
        self._owner = owner
        self._runtime = runtime
        self._label = label
        self._type_hint = type_hint
        self._blobs: dict[str, blobs.Blob] = {}
        self._last: tuple[str, bytes] | None = None
        self._failure: Exception | None = None

    def put(self, key: str, value: bytes) -> bool:
        key = _posix(key)
        try:
            self._check()
            self._blobs[key] = blobs.prepare(self._database, value, _format(key))
            if _ENTRY_KEY.fullmatch(key) or self.entry.loader == "store":
                self._last = key, value
        except Exception as error:
            self._failure = error
        return True

    def get(self, key: str) -> bytes | None:
        return self.pending(_posix(key))

    def hit(self, key: str) -> bool:
        return _posix(key) in self._blobs

    def clear(self, key: str) -> bool:
        return self._blobs.pop(_posix(key), None) is not None

    def pending(self, key: str) -> bytes | None:
        """The bytes of a key that is not committed yet."""
        blob = self._blobs.get(key)
        if blob is None:
            return None
        if blob.content is not None or blob.file is None:
            return blob.content
        return blobs.read(
            self._database, blob.digest, blob.size, blob.crc32, blob.file, None
        )

    def finish(self) -> bool:
        """Writes the entry. False, and one warning, if it could not be whole."""
        try:
            if self._failure is not None:
                raise self._failure
            # Without a last key marimo gave the entry up, and has said why.
            if self._last is not None:
                entries.save(
                    self._database,
                    self.entry,
                    self._owner,
                    self._items(),
                    self._runtime,
                    _marimo.versions(),
                )
                return True
        except (sqlite3.Error, Unavailable):
            # The database has told the user what is the matter with it.
            pass
        except OSError as error:
            self._database.cannot_write(error)
        except Exception as error:
            warn_once(
                "save",
                str(self._database.path),
                f"a result could not be saved to {self._database.folder} "
                f"({error}). The notebook runs on without it.",
            )
        self._discard()
        return False

    def _check(self) -> None:
        """Raises `Unavailable` before a file is written that no row will name."""
        if self._blobs or self._failure is not None:
            return
        with self._database.reading():
            if self._database.read_only:
                raise Unavailable(f"{self._database.path} can only be read")

    def _discard(self) -> None:
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
        hints = _type_hints(last_value) if self.entry.loader == "lazy" else {}
        items = []
        for key, blob in self._blobs.items():
            if key == last_key and self.entry.loader == "lazy":
                name, hint = "manifest", None
            elif key == last_key:
                name, hint = self._label or _stem(key), self._type_hint
            else:
                name, hint = _stem(key), hints.get(key)
            items.append(Item(key, name, _format(key), hint, blob))
        return items


class EntryReader(_marimo.FileStore):
    """An entry's bytes by key, for marimo to restore from."""

    def __init__(self, folder: Path, contents: Mapping[str, bytes]) -> None:
        super().__init__(str(folder))
        self._contents = contents

    def get(self, key: str) -> bytes | None:
        return self._contents.get(_posix(key))

    def hit(self, key: str) -> bool:
        return _posix(key) in self._contents


def _posix(key: str) -> str:
    """marimo joins some keys by the system's separator, and some by a slash."""
    return key.replace("\\", "/")


def _stem(key: str) -> str:
    return key.rpartition("/")[2].rpartition(".")[0] or key.rpartition("/")[2]


def _format(key: str) -> str:
    suffix = key.rpartition("/")[2].rpartition(".")[2]
    if suffix == "jsonl":
        return "manifest"
    return suffix if suffix in blobs.FORMATS else "bin"


def _type_hints(manifest: bytes) -> dict[str, str | None]:
    """The type of each blob's value by its key, as the manifest states it."""
    try:
        content: Any = json.loads(manifest)
        items = [
            *content.get("defs", {}).values(),
            content.get("meta", {}).get("return_value") or {},
        ]
        return {
            item["reference"]: item.get("type_hint")
            for item in items
            if item.get("reference")
        }
    except (ValueError, AttributeError):
        return {}
