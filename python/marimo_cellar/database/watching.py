"""Whether somebody has written to a database since, told without asking SQLite.

SQLite keeps an index of its log in memory that all connections share, the file
`cache.db-shm`, and writes the index's header anew with every commit, whoever makes it
(https://www.sqlite.org/walformat.html, "The WAL-Index Header"): with a counter, the
number of frames, and a checksum of them all. While these bytes are the same, nobody
has committed. A query that asks SQLite for as much, `PRAGMA data_version`, takes two
locks and as long as looking for a key.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from contextlib import suppress
from pathlib import Path
from time import monotonic

from marimo_cellar.database.faults import Unavailable
from marimo_cellar.database.opening import Connection, File, file_at
from marimo_cellar.forks import Lock

# Of the header's two copies the first, which a commit writes last.
_HEADER_BYTES = 48
# Where it counts commits, and where it says whether there is anything in it.
_COMMITS = slice(8, 12)
_IS_MADE = 12
# How many frames the log has, and, after both copies, how many of them are folded into
# the database; both in the machine's byte order.
_FRAMES = slice(16, 20)
_FOLDED = slice(96, 100)
# Seconds for which a database that was seen in its place is taken to lie there. Half of
# what a look for a known key takes is this look, and a loop asks for many a millisecond.
# One that is deleted or replaced meanwhile answers as it would have just before.
IN_PLACE_SECONDS = 0.001
# A process that met so many databases, or so many begun anew, watches no more.
_MOST_HANDLES = 64

# Handles on indexes of logs, by the file each is on. They are never closed: that
# would drop the locks that SQLite holds on the file for this process.
_handles: dict[File, int] = {}
_lock = Lock()


class Watch:
    """Looks at one database's log for as long as its connection is open.

    Not longer: the last connection to close removes the log's index, and the next one
    makes another.
    """

    def __init__(self, connection: Connection, path: str, handle: int) -> None:
        self.connection = connection
        self._path = path
        self._handle = handle
        self._file = connection.file
        # Until when it is taken to lie in its place, by the monotonic clock.
        self._in_place_until = 0.0

    def is_still(self, state: bytes) -> bool:
        """Whether nobody has committed since `state`, nor deleted, emptied or replaced
        the database, which may be seen a millisecond late."""
        if monotonic() < self._in_place_until:
            try:
                return self.header() == state
            except OSError:
                return False
        return self.state() == state

    def look_anew(self) -> None:
        """Has the next question look whether the database lies in its place."""
        self._in_place_until = 0.0

    def state(self) -> bytes | None:
        """Equal while nobody has committed; None if the database was deleted,
        emptied or replaced, or cannot be looked at."""
        begun = monotonic()
        self.look_anew()
        try:
            # Not `file_at`: a lookup of what is known costs little more than this.
            found = os.stat(self._path)
            if (found.st_dev, found.st_ino) != self._file or not found.st_size:
                return None
            header = self.header()
        except OSError:
            return None
        self._in_place_until = begun + IN_PLACE_SECONDS
        return header

    def header(self) -> bytes:
        """The same of a database that was seen in its place just now. Raises OSError."""
        return os.pread(self._handle, _HEADER_BYTES, 0)

    def unfolded(self) -> int:
        """How many frames of the log are not in the database yet. Raises OSError.

        Certain while nobody can write; else what a commit had changed by half may tell
        of too few or too many.
        """
        index = os.pread(self._handle, _FOLDED.stop, 0)
        frames, folded = (
            int.from_bytes(index[part], sys.byteorder) for part in (_FRAMES, _FOLDED)
        )
        return frames - folded


def commits_between(one: bytes, other: bytes) -> int:
    """How many commits were made between two states of one log."""
    before, after = (
        int.from_bytes(state[_COMMITS], sys.byteorder) for state in (one, other)
    )
    return (after - before) % 2**32


def watch(connection: Connection, path: Path) -> Watch | None:
    """A watch on what a connection is open on; None where that cannot be watched.

    That is where SQLite keeps no such index in a file, and on Windows, whose Python
    cannot read but by moving a handle that threads share.
    """
    if connection.read_only or not hasattr(os, "pread"):
        return None
    with suppress(OSError, sqlite3.Error, Unavailable):
        (journal,) = connection.execute("PRAGMA journal_mode").fetchone()
        if journal != "wal" or file_at(path) != connection.file:
            return None
        index = f"{path}-shm"
        handle = _handle_on(index)
        if handle is None:
            return None
        header = os.pread(handle, _HEADER_BYTES, 0)
        made = Watch(connection, str(path), handle)
        # Who sets a database aside moves the index first: it was still beside it.
        if (
            len(header) == _HEADER_BYTES
            and header[_IS_MADE]
            and os.path.samestat(os.stat(index), os.fstat(handle))
            and made.state() is not None
        ):
            return made
    return None


def _handle_on(index: str) -> int | None:
    with _lock.native:
        found = os.stat(index)
        handle = _handles.get((found.st_dev, found.st_ino))
        if handle is None and len(_handles) < _MOST_HANDLES:
            handle = os.open(index, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
            opened = os.fstat(handle)
            # If it is another one by now, this one may have a handle already, which
            # then stays open without being known.
            _handles.setdefault((opened.st_dev, opened.st_ino), handle)
        return handle
