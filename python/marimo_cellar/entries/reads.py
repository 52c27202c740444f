"""The files that a result was made of, and whether they are still as they were.

marimo's hash does not see what is in a file. So a result may be served that was made
of a `data.csv`, or by a module of the user's own, that has changed since; nobody can
undo that, but everybody can be told.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from marimo_cellar.entries.opens import unnoticed
from marimo_cellar.entries.patterns import is_of_one_folder, names_of

How = Literal["opened", "named"]

# Times of files are kept in seconds, as floats.
_SAME_TIME = 0.001


class Read(Struct, frozen=True):
    """A file as it was when the cell ended; a module as it was imported.

    `path` is relative to the notebook's folder, with forward slashes. `named` is one
    whose path stands in the cell's code, which other means than Python's may have
    read. `size` is in bytes, `modified_at` in Unix seconds.
    """

    path: str
    how: How
    size: int
    modified_at: float
    digest: bytes | None = None


def settled(reads: Iterable[Read], folder: Path, most: int) -> list[Read]:
    """The same with their digests, unless they are more bytes than that in all."""
    done = []
    for read in reads:
        if read.digest is None and read.size <= most:
            digest = _digest(folder / read.path, read)
            most -= read.size
            read = replace(read, digest=digest)
        done.append(read)
    return done


class Change(Struct, frozen=True):
    """What became of a file. `modified_at` is None for one that is gone."""

    read: Read
    change: Literal["changed", "gone"]
    modified_at: float | None = None


def change_of(read: Read, folder: Path) -> Change | None:
    """How a file is not as it was; None if it is. Never raises.

    One that cannot be looked at is held to be as it was. The digest decides where
    the file was only touched.
    """
    if read.how == "named" and is_of_one_folder(read.path):
        return _change_of_names(read, folder)
    path = folder / read.path
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return Change(read, "gone")
    except (OSError, ValueError):
        return None
    if found.st_size == read.size:
        if abs(found.st_mtime - read.modified_at) <= _SAME_TIME:
            return None
        if read.digest is not None:
            try:
                now = _touched(path, found.st_size, found.st_mtime)
            except OSError:
                return None
            if now == read.digest:
                return None
    return Change(read, "changed", found.st_mtime)


def changed_since(reads: Iterable[Read], folder: Path) -> str | None:
    """A file that an entry was made of and that is another one now, by its path from the
    notebook's `folder`; None where there is none, or none is known.

    What is made of a file that is gone could not be computed anew.
    """
    for read in reads:
        change = change_of(read, folder)
        if change is not None and change.change == "changed":
            return read.path
    return None


def _change_of_names(read: Read, folder: Path) -> Change | None:
    try:
        now = names_of(os.path.normpath(folder / read.path))
    except (FileNotFoundError, NotADirectoryError):
        return Change(read, "gone")
    except (OSError, ValueError):
        return None
    if now is None or now.digest == read.digest:
        return None
    return Change(read, "changed", now.modified_at)


def is_same_time(one: Read, other: Read) -> bool:
    """Whether a file was last changed at the same time."""
    return abs(one.modified_at - other.modified_at) <= _SAME_TIME


def digest_as_it_was(read: Read, folder: Path) -> bytes | None:
    """The digest of a file; None if it is another one by now, or cannot be read."""
    if read.digest is not None:
        return read.digest
    try:
        return _touched(folder / read.path, read.size, read.modified_at)
    except OSError:
        return None


@lru_cache(maxsize=512)
def _touched(path: Path, size: int, modified_at: float) -> bytes:
    """The digest of a file that was only touched; OSError if it cannot be had.

    Several cells read one file, and it stays touched: it is digested once.
    """
    digest = _digest(path, Read("", "opened", size, modified_at))
    if digest is None:
        raise OSError(f"{path} is not readable as it was")
    return digest


def _digest(path: Path, expected: Read) -> bytes | None:
    """The digest of a file that is as `expected` before and after it is read."""
    try:
        with unnoticed(), open(path, "rb", buffering=0) as file:
            digest = hashlib.sha256()
            left = expected.size
            while left >= 0 and (piece := file.read(1024 * 1024)):
                digest.update(piece)
                left -= len(piece)
            status = os.fstat(file.fileno())
    except (OSError, ValueError):
        return None
    unchanged = (
        status.st_size == expected.size
        and abs(status.st_mtime - expected.modified_at) <= _SAME_TIME
    )
    return digest.digest() if unchanged else None
