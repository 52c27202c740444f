"""marimo's own cache: a file a key, as its `FileStore` lays them out.

What marimo cached before Cellar came is found here, and `export` writes it here.
Keys are paths below the folder (`keys.py`). A manifest, or a key in a database,
may be a stranger's, so only one that is a plain path is followed. None can be
`cache.db`, which often lies in the same folder: closing a handle on it would drop
SQLite's locks.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from msgspec.structs import replace

from marimo_cellar.entries import keys
from marimo_cellar.entries.contents import Loaded
from marimo_cellar.entries.entries import EntryKey
from marimo_cellar.values import blobfile, manifests
from marimo_cellar.values.blobfile import Bytes

_CACHE_TYPES = "PCEXDU"
# No part is hidden, a way up, a drive or a stream of Windows.
_FILE_KEY = r"[^./\\:\0][^/\\:\0]*(/[^./\\:\0][^/\\:\0]*)*"
# What is our own, should the folder be the database's.
_OURS = r"(?i:cache\.db.*|cachedir\.tag|blobs/[0-9a-f]{2}/.*)"


class StockFiles:
    """The files below one folder of marimo's cache; it need not exist."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._prefix = f"{folder}{os.sep}"

    def made_at(self, entry: EntryKey) -> float | None:
        """When an entry's file was written, in Unix seconds; None without one.

        All that a lookup costs where there is no file: one `stat`.
        """
        return self.written_at(keys.key_of(entry))

    def written_at(self, key: str) -> float | None:
        """The same of a key's file, whatever it is of."""
        try:
            found = os.lstat(self._path(key))
        except (OSError, ValueError):
            return None
        if not stat.S_ISREG(found.st_mode) or found.st_size == 0:
            return None
        # A time that is yet to come says nothing of what was done since. As old as
        # can be, such a file serves every cell that was never cleared.
        return found.st_mtime if found.st_mtime <= time.time() else 0.0

    def may_have(self, key: str) -> bool:
        """False if there is no file by a key, told without making a path of it."""
        try:
            return os.access(f"{self._prefix}{key}", os.F_OK)
        except ValueError:
            return False

    def load(self, entry: EntryKey) -> Loaded:
        """An entry's bytes as they lie there, with their digests; no check of them.

        What cannot be read is left out.
        """
        contents: dict[str, bytes] = {}
        key = keys.key_of(entry)
        if (whole := self.read(key)) is not None:
            contents[key] = whole
            for part in self.parts(entry, whole):
                if (data := self.read(part)) is not None:
                    contents[part] = data
        digests = {
            key: hashlib.sha256(content).digest() for key, content in contents.items()
        }
        return Loaded(contents, digests)

    def parts(self, entry: EntryKey, whole: bytes) -> list[str]:
        """The keys of an entry's blobs, as its manifest names or signs them."""
        if entry.loader != "lazy":
            return []
        place = f"{entry.cache_name}/{entry.hash}/"
        return [
            key
            for key in dict.fromkeys(
                [*manifests.type_hints(whole), *manifests.signed(whole)]
            )
            if key.startswith(place) and "/" not in key[len(place) :]
        ]

    def read(self, key: str) -> bytes | None:
        """A file's bytes; None where there are none."""
        try:
            return blobfile.read(self._path(key)) or None
        except (OSError, ValueError):
            return None

    def write(self, key: str, data: Bytes, made_at: float) -> None:
        """Writes a file, whole or not at all. Raises OSError, or ValueError for a
        key that is no place for a file, or has a link or a file on the way to it."""
        path = self._path(key)
        self._make_folders(path)
        write_file(path, data, made_at)

    def identity(self, key: str) -> tuple[int, int] | None:
        """A file's size in bytes and its time in whole seconds, which tell whether it
        was written anew; None where there is none, or a link on the way to it."""
        try:
            path = self._path(key)
            found = os.lstat(path)
        except (OSError, ValueError):
            return None
        if not stat.S_ISREG(found.st_mode) or self._leads_elsewhere(path):
            return None
        return found.st_size, int(found.st_mtime)

    def remove_file(self, key: str) -> None:
        """Removes a key's own file, and the folders that are empty then."""
        path = self._path(key)
        if self._leads_elsewhere(path):
            return
        with suppress(OSError):
            path.unlink()
            for folder in self._folders_to(path):
                folder.rmdir()

    def remove(self, key: str) -> bool:
        """Removes a key's file, and with a manifest the entry's other files."""
        try:
            path = self._path(key)
            if self._leads_elsewhere(path):
                return False
            path.unlink()
        except (OSError, ValueError):
            return False
        entry = keys.entry_of(key)
        if entry is not None and entry.loader == "lazy" and not self._shared(entry):
            for file in self._part_files(entry):
                with suppress(OSError):
                    file.unlink()
            with suppress(OSError):
                self._part_folder(entry).rmdir()
        return True

    def entries(
        self, cache_name: str | None = None, loader: str | None = None
    ) -> Iterator[EntryKey]:
        """The entries there are files of, also those that are not whole."""
        for block in _folder(self.folder):
            if cache_name not in (None, block.name):
                continue
            for file in _folder(Path(block.path)):
                entry = keys.entry_of(f"{block.name}/{file.name}")
                if (
                    entry is not None
                    and loader in (None, entry.loader)
                    and self.made_at(entry) is not None
                ):
                    yield entry

    def files(self, entry: EntryKey) -> list[Path]:
        """What `remove` removes of an entry that is there."""
        files = [self._path(keys.key_of(entry))]
        if self._leads_elsewhere(files[0]):
            return []
        if entry.loader == "lazy" and not self._shared(entry):
            files.extend(self._part_files(entry))
        return files

    def _part_folder(self, entry: EntryKey) -> Path:
        return self.folder / entry.cache_name / entry.hash

    def _part_files(self, entry: EntryKey) -> list[Path]:
        try:
            any_part = self._path(f"{entry.cache_name}/{entry.hash}/any")
        except ValueError:
            # A stranger's hash may be a way up, or name our own folder of blobs.
            return []
        # All of it is removed with its manifest: never what a link leads to.
        if self._leads_elsewhere(any_part):
            return []
        return [Path(part.path) for part in _folder(any_part.parent)]

    def _shared(self, entry: EntryKey) -> bool:
        """Whether a manifest of another type names the same blobs."""
        return any(
            self.made_at(replace(entry, cache_type=letter)) is not None
            for letter in _CACHE_TYPES
            if letter != entry.cache_type
        )

    def _folders_to(self, path: Path) -> list[Path]:
        """Those between the cache's folder and a file below it, the innermost first."""
        return [
            self.folder / folder for folder in path.relative_to(self.folder).parents
        ][:-1]

    def _leads_elsewhere(self, path: Path) -> bool:
        """Whether there is a link on the way to a key's file."""
        return any(map(os.path.islink, self._folders_to(path)))

    def _make_folders(self, path: Path) -> None:
        """Those on the way to a key's file: what a stranger's folder links to is none
        of ours."""
        self.folder.mkdir(parents=True, exist_ok=True)
        folder = self.folder
        for name in path.relative_to(folder).parts[:-1]:
            folder /= name
            with suppress(FileExistsError):
                folder.mkdir()
            if folder.is_symlink() or not folder.is_dir():
                raise ValueError(f"{folder} is no folder")

    def _path(self, key: str) -> Path:
        if not re.fullmatch(_FILE_KEY, key) or re.fullmatch(_OURS, key):
            raise ValueError(f"{key!r} is no file of a cache")
        return self.folder / key


def write_file(path: Path, data: Bytes, made_at: float | None = None) -> None:
    """Writes a file, whole or not at all, with a time if one is given.

    Its folder must be there. Raises OSError.
    """
    # marimo knows what is named so for the rest of a write that was cut off.
    partial = path.with_name(f"{path.name}.tmp{uuid.uuid4().hex[:8]}")
    try:
        partial.write_bytes(data)
        if made_at is not None:
            os.utime(partial, (made_at, made_at))
        os.replace(partial, path)
    except BaseException:
        with suppress(OSError):
            partial.unlink()
        raise


def _folder(path: Path) -> list[os.DirEntry[str]]:
    """What lies in a folder, by name; nothing where it cannot be listed."""
    try:
        with os.scandir(path) as found:
            return sorted(found, key=lambda one: one.name)
    except OSError:
        return []
