"""Who is compared: each as its users have it, with its own defaults.

None of them flushes a value to the disk before it says that it is kept. marimo's
files and joblib's are written beside their name and renamed; Cellar and diskcache
commit to SQLite's write-ahead log with `synchronous = NORMAL`, which flushes at
checkpoints only. Cellar checks a CRC-32 of what it reads, the others check nothing.
"""

from __future__ import annotations

import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .checks import FAST
from .payloads import marimo_hash

ALL = ("files", "cellar", "diskcache", "joblib")
OURS = ("files", "cellar")


class Subject(ABC):
    """A cache in a folder of its own, by number."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.open()

    def open(self) -> None:
        """As a process that begins to use the cache."""
        self.folder.mkdir(parents=True, exist_ok=True)

    def close(self) -> None:
        """As a process that ends: nothing is kept in memory or open."""
        return

    def reopen(self) -> None:
        """Once more, as another process."""
        self.close()
        self.open()

    def empty(self) -> None:
        """Begins again with an empty cache that is ready to be used."""
        self.close()
        shutil.rmtree(self.folder)
        self.open()
        self.put(-1, b"first")
        # Else the making of the database would be in the time of what is put next.
        self.settle()

    def settle(self) -> None:
        """Waits until what was put is committed, where `put` does not."""
        return

    @abstractmethod
    def put(self, number: int, value: bytes) -> None:
        """Keeps a value; it may be committed a little later."""

    @abstractmethod
    def get(self, number: int) -> bytes | None:
        """What is kept of a number; None for nothing."""

    @abstractmethod
    def hit(self, number: int) -> bool:
        """Whether anything is kept of a number, told without its bytes."""


class Files(Subject):
    """marimo's `FileStore`, by the keys of its pickle loader."""

    def open(self) -> None:
        super().open()
        self.store = self._store()

    def _store(self) -> Any:
        from marimo._save.stores import FileStore

        return FileStore(str(self.folder))

    def put(self, number: int, value: bytes) -> None:
        assert self.store.put(_key(number), value)

    def get(self, number: int) -> bytes | None:
        value: bytes | None = self.store.get(_key(number))
        return value

    def hit(self, number: int) -> bool:
        return bool(self.store.hit(_key(number)))


class Cellar(Files):
    """Cellar's `SqliteStore`, by the same keys."""

    def _store(self) -> Any:
        from marimo_cellar.session.store import SqliteStore

        # As a kernel has it. What it puts is waited for by `settle`.
        return SqliteStore(str(self.folder), behind=True)

    def settle(self) -> None:
        self.store.flush()

    def close(self) -> None:
        from marimo_cellar.entries import behind

        behind.queue_of(self.store.database).join()
        self.store.database.fold_log()
        self.store.database.close()


class DiskCache(Subject):
    """diskcache's `Cache`, with room for all that is put into it."""

    def open(self) -> None:
        super().open()
        import diskcache

        # By default it throws away what is beyond 1 GiB.
        self.cache = diskcache.Cache(str(self.folder), size_limit=2**40)

    def close(self) -> None:
        self.cache.close()

    def put(self, number: int, value: bytes) -> None:
        self.cache.set(number, value)

    def get(self, number: int) -> bytes | None:
        value: bytes | None = self.cache.get(number)
        return value

    def hit(self, number: int) -> bool:
        return number in self.cache


class Joblib(Subject):
    """joblib's `Memory`, around a function that returns what is to be kept."""

    def open(self) -> None:
        super().open()
        import joblib

        memory = joblib.Memory(self.folder, verbose=0)
        self.kept = memory.cache(_kept, ignore=["value"])

    def put(self, number: int, value: bytes) -> None:
        self.kept(number, value)

    def get(self, number: int) -> bytes | None:
        value: bytes | None = self.kept(number, None)
        return value

    def hit(self, number: int) -> bool:
        return bool(self.kept.check_call_in_cache(number, None))


def _kept(number: int, value: bytes | None) -> bytes | None:
    return value


def _key(number: int) -> str:
    return f"bench/P_{marimo_hash(number)}.pickle"


_CLASSES: dict[str, Callable[[Path], Subject]] = {
    "files": Files,
    "cellar": Cellar,
    FAST: Cellar,
    "diskcache": DiskCache,
    "joblib": Joblib,
}


def subject_in(folder: Path, name: str) -> Subject:
    """The subject of a name, in its folder below `folder`."""
    return _CLASSES[name](folder / name)


def subjects_in(folder: Path, names: tuple[str, ...]) -> dict[str, Subject]:
    """The subjects of some names, each in its folder below `folder`."""
    return {name: subject_in(folder, name) for name in names}
