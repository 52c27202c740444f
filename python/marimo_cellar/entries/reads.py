"""The files that a result was made of, and whether they are still as they were.

marimo's hash does not see what is in a file. So a result may be served that was made
of a `data.csv`, or by a module of the user's own, that has changed since; nobody can
undo that, but everybody can be told.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import sysconfig
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from marimo_cellar.entries.opens import Listed, unnoticed
from marimo_cellar.entries.patterns import is_of_one_folder, matching, names_of
from marimo_cellar.settings.place import this_system

How = Literal["opened", "named"]

# A cell that read more files than that has the first ones kept.
_MOST = 500
# Texts that are looked for as files.
_MOST_NAMED = 2000
# Folders that were looked into.
_MOST_LISTED = 20
# Times of files are kept in seconds, as floats.
_SAME_TIME = 0.001

# What Python reads of modules, and what lies in folders of these names, is no data.
_CODE = (".py", ".pyc", ".pyi", ".so", ".pyd", ".dll", ".dylib")
_FOLDERS = frozenset(
    {"__pycache__", "__marimo__", "site-packages", "dist-packages", "node_modules"}
)


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


class Workspace:
    """What is the user's own around a notebook: data and modules, no tool's files."""

    def __init__(self, notebook: Path, caches: Iterable[Path]) -> None:
        """`caches` are folders of our own."""
        self.folder = str(notebook.parent)
        self._home = _workspace(self.folder)
        self._outside = (*(str(one) for one in caches), *_pythons())

    def has(self, path: str) -> bool:
        """Whether a file, by its absolute path, is the user's own."""
        return (
            _is_in(path, self._home)
            and not any(map(_is_tools, path[len(self._home) :].split(os.sep)[:-1]))
            and not any(_is_in(path, folder) for folder in self._outside)
        )

    def file(self, path: str, how: How, found: os.stat_result | None) -> Read | None:
        """A file of the user's own as it was `found`; None for any other, or none."""
        if found is None or not stat.S_ISREG(found.st_mode) or not self.has(path):
            return None
        try:
            relative = os.path.relpath(path, self.folder)
        except ValueError:
            # On another drive.
            return None
        return Read(relative.replace(os.sep, "/"), how, found.st_size, found.st_mtime)

    def names(self, pattern: str) -> Read | None:
        """The names that an absolute pattern stands for, as one file that changes when one
        comes or goes; None for one that is not of the notebook's folder or one below."""
        if not is_of_one_folder(pattern) or not _is_in(pattern, self.folder):
            return None
        try:
            found = names_of(pattern)
        except OSError:
            return None
        if found is None:
            return None
        path = os.path.relpath(pattern, self.folder).replace(os.sep, "/")
        return Read(path, "named", found.number, found.modified_at, found.digest)


def status_of(path: str) -> os.stat_result | None:
    """How a file is now; None if it is gone already, or cannot be looked at."""
    try:
        return os.stat(path)
    except (OSError, ValueError):
        return None


def reads_of(
    opened: Sequence[Any], named: Iterable[str], notebook: Path, workspace: Workspace
) -> list[Read]:
    """The files of the notebook's workspace among what a cell opened or names.

    `opened` is what an `opens.Watch` gave, `named` what `named_by` did. What the cell
    wrote is its result, not its data.
    """
    here = _folder()
    read: dict[str, None] = {}
    written: set[str] = set()
    listed: dict[str, None] = {}
    for event in reversed(opened):
        if isinstance(event, str):
            here = event
        elif isinstance(event, Listed):
            if (path := _path(event.folder, here)) is not None:
                listed[os.path.join(path, "*")] = None
        elif len(event) == 3 and (path := _path(event[0], here)):
            if _writes(event):
                written.add(path)
            else:
                read[path] = None
    paths: dict[str, How] = {path: "opened" for path in reversed(read)}
    patterns: dict[str, Read] = {}
    for path in islice(reversed(listed), _MOST_LISTED):
        # Into the notebook's own folder too much comes that nobody reads.
        is_own = os.path.dirname(path) == workspace.folder
        if not is_own and workspace.has(path) and (names := workspace.names(path)):
            patterns[names.path] = names
    starts = dict.fromkeys((_folder(), workspace.folder))
    for text in islice(dict.fromkeys(named), _MOST_NAMED):
        for start in starts:
            if (path := _path(text, start)) and workspace.has(path):
                for one in matching(path):
                    paths.setdefault(one, "named")
                if (names := workspace.names(path)) is not None and names.size > 0:
                    patterns[names.path] = names
    found: list[Read] = []
    for path, how in paths.items():
        if len(found) < _MOST and path not in written and not path.endswith(_CODE):
            file = workspace.file(path, how, status_of(path))
            if file is not None and file.path != notebook.name:
                found.append(file)
    return [*patterns.values(), *found]


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


def _is_tools(folder: str) -> bool:
    """Whether a folder of that name is a tool's: settings, packages, caches."""
    return folder.startswith(".") or folder in _FOLDERS


def _is_in(path: str, folder: str) -> bool:
    return path.startswith(folder.rstrip(os.sep) + os.sep)


@lru_cache(maxsize=64)
def _workspace(folder: str) -> str:
    """The project that a notebook's folder is in; the folder itself without one."""
    home = this_system().home
    for parent in (Path(folder), *Path(folder).parents):
        if parent == home:
            # Some keep all of their settings in Git.
            break
        if any((parent / mark).exists() for mark in (".git", "pyproject.toml")):
            return str(parent)
    return folder


@lru_cache(maxsize=1)
def _pythons() -> tuple[str, ...]:
    """Where this Python and its packages are, which may well be in a workspace."""
    # Not the prefix alone: in a container that may be the root of the workspace too.
    paths = {*sysconfig.get_paths().values(), sysconfig.get_path("stdlib")}
    if sys.prefix != sys.base_prefix:
        paths.add(sys.prefix)
    return tuple(sorted(path for path in paths if path != os.sep))


def _path(given: object, folder: str) -> str | None:
    """The absolute path of what was given to `open`; None for anything else."""
    try:
        # A path of a class of the user's may do anything when it is asked.
        path = os.fsdecode(given)  # type: ignore[arg-type]
        return os.path.normpath(os.path.join(folder, path))
    except Exception:
        return None


def _folder() -> str:
    try:
        return os.getcwd()
    except OSError:
        # It was deleted.
        return os.sep


def _writes(event: Sequence[Any]) -> bool:
    """Whether an `open` event is of a file that is written."""
    mode, flags = event[1], event[2]
    if isinstance(mode, str):
        return any(letter in mode for letter in "wax+")
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR))


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
