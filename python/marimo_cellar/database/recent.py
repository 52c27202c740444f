"""What this process has read of a database, for as long as nobody writes to it.

A function that is called again and again, and a cell that runs again, ask for the
same keys. What was read and checked for the first of them answers the next ones, until
anybody commits (`watching.py`): then all of it is forgotten. What this process commits
itself it knows, and forgets those keys alone. So it is with the entries that are
likely to be asked for next (`ahead.py`), which are checked when they are.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal, final

from msgspec import Struct, field

from marimo_cellar.database.opening import Connection, File
from marimo_cellar.database.sequential import SequentialReads
from marimo_cellar.database.watching import Watch, commits_between, watch

if TYPE_CHECKING:
    from typing import TypeAlias

    from marimo_cellar.database.found import Found

# The most bytes kept, of all values and of one, and how many answers.
_MOST_BYTES = 16 * 1024 * 1024
_LARGEST_BYTES = 4 * 1024 * 1024
_MOST_ANSWERS = 8192
# Bytes of entries that are expected, and what one takes beside its values.
_EXPECTED_BYTES = 8 * 1024 * 1024
_ENTRY_BYTES = 2048
# Larger ones are kept when they are asked for again. Most are read once in a process,
# and to hold on to one costs new memory for the next: a third of the read at 100 kB.
AT_ONCE_BYTES = 16 * 1024


@final
class Known(Struct, frozen=True):
    """A key that is there. `content` is None if it was not read.

    `path` is where the bytes lie, if not in a row, and `mark` what `mark_of` said of
    it before they were read.
    """

    content: bytes | None
    path: str | None = None
    mark: tuple[int, ...] | None = None


# That a key is nowhere in the database. (None is that nothing is known of it.)
ABSENT: Literal[False] = False
Answer = Known | Literal[False]

# What a watch said. Another watch's words say nothing of this one's.
State = tuple[Watch, bytes]

# Entries by the key that is all of one, or its manifest: each cell's by the cell's id.
Expected: TypeAlias = "dict[str, dict[int, Found]]"


class _Kept(Struct):
    """What is known of one state. One value, so that no thread meets one state's
    answers by another."""

    state: State | None = None
    answers: dict[str, Answer] = field(default_factory=dict)
    expected: Expected = field(default_factory=dict)
    expected_bytes: int = 0


class Recent:
    """Answers by key, all of one state of the database at a path."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._watch: Watch | None = None
        # A file that cannot be watched.
        self._hidden: File | None = None
        self._kept = _Kept()
        self._bytes = 0
        # What this process is about to commit: in which state, of which keys. And the
        # state before its last commit.
        self._coming: tuple[State, list[str]] | None = None
        self._left: State | None = None
        # Of the keys that were asked for and not known, those in rows and in files.
        self.reads = SequentialReads()
        self.file_reads = SequentialReads()
        # Keys of large values that were asked for.
        self._asked: dict[str, None] = {}

    def answer(self, key: str) -> Answer | None:
        """What is known of a key; None if nothing is, or not any more."""
        kept = self._kept
        known = kept.answers.get(key)
        if known is None or not _is_now(kept.state):
            return None
        # What was read from a file is served only while that is the same.
        if known and known.path and mark_of(known.path) != known.mark:
            return None
        return known

    def expected(self, key: str, cell_id: int) -> Found | None:
        """A cell's entry by the key that `expect` had it by, if that holds."""
        kept = self._kept
        cells = kept.expected.get(key)
        found = cells.get(cell_id) if cells else None
        return found if found is not None and _is_now(kept.state) else None

    def before(self, connection: Connection) -> State | None:
        """The state before a query on a connection that was taken just now, for `keep`.

        It is watched from now on. None where nothing is to be kept.
        """
        if self._watch is None or self._watch.connection.file != connection.file:
            with self._lock:
                if connection.file == self._hidden:
                    return None
                self._watch = watch(connection, self._path)
                self._hidden = connection.file if self._watch is None else None
        now = self._watch
        try:
            return None if now is None else (now, now.header())
        except OSError:
            return None

    def wants(self, key: str, size: int) -> bool:
        """Whether a key's value of so many bytes, which is being read, is to be kept."""
        if size <= AT_ONCE_BYTES:
            return True
        if size > _LARGEST_BYTES:
            return False
        with self._lock:
            if key in self._asked:
                return True
            self._asked[key] = None
            if len(self._asked) > _MOST_ANSWERS:
                del self._asked[next(iter(self._asked))]
        return False

    def keep(self, state: State | None, key: str, answer: Answer) -> None:
        """Remembers what a query found after `before` had said `state`."""
        content = answer.content if answer else None
        if state is None or (content is not None and len(content) > _LARGEST_BYTES):
            return
        with self._lock:
            kept = self._kept_of(state)
            if kept is None:
                return
            answers = kept.answers
            self._drop(answers, key)
            answers[key] = answer
            self._bytes += len(content or b"")
            while self._bytes > _MOST_BYTES or len(answers) > _MOST_ANSWERS:
                self._drop(answers, next(iter(answers)))

    def expect(self, state: State | None, expected: Expected) -> None:
        """Remembers entries that were found in a state, beside those before, or in
        their place where they would be many."""
        with self._lock:
            kept = None if state is None else self._kept_of(state)
            if kept is None:
                return
            founds = [one for cells in expected.values() for one in cells.values()]
            size = sum(_ENTRY_BYTES + found.bytes_held for found in founds)
            if kept.expected_bytes + size > _EXPECTED_BYTES:
                kept.expected, kept.expected_bytes = {}, 0
            kept.expected_bytes += size
            for key, cells in expected.items():
                kept.expected[key] = {**kept.expected.get(key, {}), **cells}

    def committing(self, connection: Connection, keys: Iterable[str]) -> None:
        """Before this process commits what changes the answers to these keys, and to
        no others. `ended` must follow."""
        state = self.before(connection)
        with self._lock:
            known = state is not None and state == self._kept.state
            self._coming = (state, list(keys)) if state and known else None

    def ended(self, committed: bool) -> None:
        """After a transaction: what is known outlives the commit that was announced.

        Not if another process has committed since. One that was not announced, or
        failed, changes nothing here.
        """
        with self._lock:
            coming, self._coming = self._coming, None
            if self._kept.state is not None:
                # It may have been to another database, in the place of this one.
                self._kept.state[0].look_anew()
            if coming is None or not committed or coming[0] != self._kept.state:
                return
            (on, header), keys = coming
            now = on.state()
            if now is None or (now != header and commits_between(header, now) != 1):
                return
            kept = self._kept
            for key in keys:
                self._drop(kept.answers, key)
                kept.expected.pop(key, None)
            self._left = kept.state
            self._kept = _Kept(
                (on, now), kept.answers, kept.expected, kept.expected_bytes
            )

    def closing(self, connection: Connection) -> None:
        """A connection is about to be closed."""
        with self._lock:
            if self._watch is not None and self._watch.connection is connection:
                self._watch = None
                self._kept = _Kept()

    def _kept_of(self, state: State) -> _Kept | None:
        """What is kept of a state, begun if need be; None where it may be over."""
        if state[0] is not self._watch or state == self._left:
            return None
        if state != self._kept.state:
            # It may be the one that this process has just led to: `ended` says.
            if self._coming is not None:
                return None
            self._kept = _Kept(state)
            self._bytes = 0
        return self._kept

    def _drop(self, answers: dict[str, Answer], key: str) -> None:
        answer = answers.pop(key, None)
        if answer:
            self._bytes -= len(answer.content or b"")


def _is_now(state: State | None) -> bool:
    return state is not None and state[0].is_still(state[1])


def mark_of(path: str) -> tuple[int, ...] | None:
    """Tells whether a file was written or replaced; None where there is none."""
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return (
        found.st_dev,
        found.st_ino,
        found.st_size,
        found.st_mtime_ns,
        found.st_ctime_ns,
    )
