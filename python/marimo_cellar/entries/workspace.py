"""The files of the user's own around a notebook, and which of them a cell read."""

from __future__ import annotations

import os
import stat
import sys
import sysconfig
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from marimo_cellar.entries.opens import Listed
from marimo_cellar.entries.patterns import is_of_one_folder, matching, names_of
from marimo_cellar.entries.reads import How, Read
from marimo_cellar.settings.place import this_system

# A cell that read more files than that has the first ones kept.
_MOST = 500
# Texts that are looked for as files.
_MOST_NAMED = 2000
# Folders that were looked into.
_MOST_LISTED = 20

# What Python reads of modules, and what lies in folders of these names, is no data.
_CODE = (".py", ".pyc", ".pyi", ".so", ".pyd", ".dll", ".dylib")
_FOLDERS = frozenset(
    {"__pycache__", "__marimo__", "site-packages", "dist-packages", "node_modules"}
)


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
    events = _events_in(opened)
    paths: dict[str, How] = {path: "opened" for path in events.read}
    patterns: dict[str, Read] = {}
    for pattern in islice(events.listed, _MOST_LISTED):
        # Into the notebook's own folder too much comes that nobody reads.
        is_own = os.path.dirname(pattern) == workspace.folder
        if (
            not is_own
            and workspace.has(pattern)
            and (names := workspace.names(pattern))
        ):
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
        if len(found) == _MOST:
            break
        if path not in events.written and not path.endswith(_CODE):
            file = workspace.file(path, how, status_of(path))
            if file is not None and file.path != notebook.name:
                found.append(file)
    return [*patterns.values(), *found]


class _Events(NamedTuple):
    """Absolute paths of what was read and written, and patterns of the folders that were
    looked into, in the order in which each was met last."""

    read: Sequence[str]
    written: Collection[str]
    listed: Sequence[str]


def _events_in(opened: Sequence[Any]) -> _Events:
    here = _folder()
    read: dict[str, None] = {}
    written: set[str] = set()
    listed: dict[str, None] = {}
    # From the end, as that alone is known of the working folder.
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
    return _Events(list(reversed(read)), written, list(reversed(listed)))


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
