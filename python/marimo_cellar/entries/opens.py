"""Which files are opened while a cell runs, and which folders looked into: an audit hook
that only takes notes.

An audit hook sees every `open` of the process, by whatever library, and can never be
removed. So it does next to nothing: where nobody watches it is one look into an empty
table, and else it keeps the arguments as they are. What they mean is found out when
the cell ends (`workspace.py`). It raises nothing, since that would forbid the open.

`marimo run` has a kernel on each of many threads. Each has notes of its own, which the
threads that its cells start share. Before 3.12 Python does not say who starts one:
then they share those of the one kernel that is watched, and nobody's if several are.
What a child process opens, nobody sees, and what is not opened by Python (polars,
pyarrow) raises no event.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import Any, NamedTuple

from marimo_cellar.forks import Lock, in_child

# A cell that opens more files than that has the first ones noted.
_MOST = 10_000

# Where a thread that a cell started keeps the notes that it shares.
_SHARED = "_marimo_cellar_notes"


class Listed(NamedTuple):
    """A folder whose names were asked for, as it was given."""

    folder: Any


class Notes:
    """What one kernel's threads opened, while anything of it is watched."""

    __slots__ = ("opened", "watches")

    def __init__(self) -> None:
        # The arguments of `open` as they came, and what was `Listed`; a text where the
        # working folder changed, which is the one it was until then.
        self.opened: list[Any] = []
        self.watches: set[Watch] = set()


class Watch:
    """One stretch of a kernel's run. Begun, and ended, on the kernel's thread."""

    __slots__ = ("_notes", "_start")

    def __init__(self) -> None:
        notes = getattr(_own, "notes", None)
        if notes is None:
            notes = _own.notes = Notes()
        self._notes: Notes = notes
        self._start = len(notes.opened)
        notes.watches.add(self)
        _watched[get_ident()] = notes

    def end(self) -> list[Any]:
        """What `Notes.opened` got meanwhile; nothing if it was ended before."""
        notes = self._notes
        if self not in notes.watches:
            return []
        opened = notes.opened[self._start :]
        notes.watches.discard(self)
        if not notes.watches:
            for ident, watched in list(_watched.items()):
                if watched is notes:
                    _watched.pop(ident, None)
            notes.opened = []
        return opened


# The notes that a kernel's thread takes, for as long as it is watched.
_watched: dict[int, Notes] = {}
_own = threading.local()
_lock = Lock()
_installed = False


# Threads that look at files themselves, of cells that have ended.
_unnoticed: set[int] = set()


@contextmanager
def unnoticed() -> Iterator[None]:
    """What this thread opens meanwhile is no cell's."""
    ident = get_ident()
    _unnoticed.add(ident)
    try:
        yield
    finally:
        _unnoticed.discard(ident)


def install() -> None:
    """Adds the hook to the process, once."""
    global _installed
    with _lock.native:
        if not _installed:
            sys.addaudithook(_hook)
            _installed = True


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if not _watched:
        return
    try:
        if event == "open":
            notes = _watched.get(get_ident()) or _shared()
            if notes is not None and len(notes.opened) < _MOST:
                notes.opened.append(args)
        elif event in _LISTINGS:
            notes = _watched.get(get_ident()) or _shared()
            if notes is not None and len(notes.opened) < _MOST and not _is_importing():
                notes.opened.append(Listed(args[0]))
        elif event in _THREADS:
            _share(args)
        elif event in _MOVES:
            _remember_folder()
    except Exception:
        # Whatever it was, the user's code goes on.
        pass


def _is_importing() -> bool:
    """Whether Python itself lists a folder, for a module or what is known of a package."""
    # That of what raised the event, below the hook's and this one's.
    return "importlib" in sys._getframe(2).f_code.co_filename


_LISTINGS = frozenset({"os.listdir", "os.scandir"})
SAYS_WHO_STARTS_THREADS = sys.version_info >= (3, 12)
_THREADS = frozenset({"_thread.start_new_thread", "_thread.start_joinable_thread"})
_MOVES = frozenset({"os.chdir", "os.fchdir"})


def _shared() -> Notes | None:
    """The notes of the kernel that started this thread, while that is watched."""
    if get_ident() in _unnoticed:
        return None
    if not SAYS_WHO_STARTS_THREADS:
        # The main thread, where it is no kernel's, is the server's.
        (notes,) = _watched.values()
        return notes if get_ident() != threading.main_thread().ident else None
    # Not `current_thread`, which makes an object for a thread that it does not know.
    thread: Any = threading._active.get(get_ident())  # type: ignore[attr-defined]
    shared: Notes | None = getattr(thread, _SHARED, None)
    return shared if shared is not None and shared.watches else None


def _share(args: tuple[Any, ...]) -> None:
    """The thread that is being started takes the notes of the one that starts it."""
    thread = getattr(args[0], "__self__", None)
    if isinstance(thread, threading.Thread):
        notes = _watched.get(get_ident()) or _shared()
        if notes is not None:
            setattr(thread, _SHARED, notes)


def _remember_folder() -> None:
    """What was opened by a relative path until now was in the folder of now."""
    folder = os.getcwd()
    for notes in list(_watched.values()):
        if len(notes.opened) < _MOST:
            notes.opened.append(folder)


def _after_fork() -> None:
    # The parent's cell does not end in the child.
    for notes in list(_watched.values()):
        notes.watches.clear()
        notes.opened = []
    _watched.clear()


in_child(_after_fork)
