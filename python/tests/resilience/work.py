"""Mixed work on one cache, whose every value tells whether it is right.

A value's bytes follow from its key and its version, so whoever loads it, in whatever
process, can tell a value that somebody saved from half of one or another's.
"""

from __future__ import annotations

import hashlib
import json
import random
import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from marimo_cellar import SqliteStore
from marimo_cellar.commands import importing
from marimo_cellar.commands.caches import Cache
from marimo_cellar.database.database import Unavailable
from marimo_cellar.entries.entries import EntryKey, Owner, candidates
from marimo_cellar.entries.keys import key_of
from marimo_cellar.entries.roll import Roll
from marimo_cellar.lookups import lookups
from marimo_cellar.lookups.lookup import Lookup
from marimo_cellar.session.stock import StockFiles

# Told to whoever watches: what is about to happen, and that it has happened.
Tell = Callable[[str, str, int], None]

_SIZES = (300, 10_000, 60_000, 100_000, 400_000)
_PARTS = ("x.npy", "y.arrow", "return.pickle")


class Wrong(AssertionError):
    """A value was served that nobody saved."""


class Missing(Wrong):
    """Of an entry that is there, a part is not: no wonder where reads may fail."""


def value(key: str, version: int) -> bytes:
    """The bytes of a key's version; of one of a few sizes, inline and as files."""
    seed = hashlib.sha256(f"{key} {version}".encode()).digest()
    size = _SIZES[seed[0] % len(_SIZES)]
    head = f"{key}\n{version}\n".encode()
    return head + (seed * (size // len(seed) + 1))[:size]


def version_of(key: str, data: bytes) -> int:
    """Which version the bytes are. Raises `Wrong` if they are none."""
    head = data[:200].split(b"\n", 2)
    if len(head) < 3 or head[0] != key.encode() or not head[1].isdigit():
        raise Wrong(f"{key}: {data[:60]!r} is another's")
    version = int(head[1])
    if data != value(key, version):
        raise Wrong(f"{key}: version {version} is not whole")
    return version


class Worker:
    """Does one thing after the other, as chance has it, on keys of its own.

    `name` tells its keys from other workers'; all read all keys of `names`. What is
    `forgiven` does not end its work.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        names: list[str],
        seed: int,
        tell: Tell,
        forgiven: tuple[type[Exception], ...] = (),
    ) -> None:
        self._forgiven = forgiven
        self.store = SqliteStore(str(folder / "cache"), behind=True)
        # What was put and is not known to be committed, the last version of a key.
        self._put: dict[str, int] = {}
        self.chance = random.Random(seed)
        self.name = name
        self.done = 0
        self._names = names
        self._tell = tell
        self._stock = folder / f"stock-{name}"
        self._version = time.time_ns()

    def step(self) -> None:
        """One piece of work. Raises `Wrong` for a value that is not right."""
        what = self.chance.choices(
            (
                self.save,
                self.save_parts,
                self.load,
                self.look_up,
                self.clear,
                self.take_in,
                self.fold,
            ),
            (20, 20, 50, 10, 6, 2, 2),
        )[0]
        self._tell("at", what.__name__, 0)
        # As their callers do. What is wrong shows in what is there.
        with suppress(sqlite3.Error, OSError, Unavailable, *self._forgiven):
            what()
        self.done += 1

    def save(self) -> None:
        """A value of one key."""
        key = f"{self.name}/P_{self.chance.randrange(12)}.pickle"
        version = self._next_version()
        self._tell("saving", key, version)
        self._acknowledge(key, version, self.store.put(key, value(key, version)))

    def save_parts(self) -> None:
        """An entry of several keys, as `cell_cache` has them."""
        hash = self._hash()
        key = f"{self.name}/C_{hash}.jsonl"
        version = self._next_version()
        self._tell("saving", key, version)
        parts = [f"{self.name}/{hash}/{part}" for part in _PARTS]
        for part in parts:
            self.store.put(part, value(part, version))
        manifest = _manifest(key, hash, version, parts)
        self._acknowledge(key, version, self.store.put(key, manifest))

    def load(self) -> None:
        """Whatever is there of some worker's keys."""
        name = self.chance.choice(self._names)
        if self.chance.random() < 0.5:
            load(self.store, f"{name}/P_{self.chance.randrange(12)}.pickle")
        else:
            load(self.store, f"{name}/C_{self._hash(name)}.jsonl")

    def look_up(self) -> None:
        """A lookup as loaders note it, some of them written at once."""
        key = EntryKey(self.name, "C", self._hash(), "lazy")
        database, owner = self.store.database, Owner(Roll(None))
        founds = candidates(database, key, owner)
        lookup = Lookup(
            database,
            key,
            owner,
            "hit" if founds else "miss",
            time.time(),
            found=founds[0] if founds else None,
        )
        lookups.note(lookup)
        if self.chance.random() < 0.3:
            lookups.flush()

    def clear(self) -> None:
        """An entry of its own, which is then gone."""
        key = f"{self.name}/P_{self.chance.randrange(12)}.pickle"
        if self.chance.random() < 0.5:
            key = f"{self.name}/C_{self._hash()}.jsonl"
        self._flush()
        self._tell("clearing", key, 0)
        if self.store.clear(key):
            self._tell("cleared", key, 0)

    def take_in(self) -> None:
        """An import of two of marimo's own files."""
        stock = StockFiles(self._stock)
        names = []
        for _ in range(2):
            version = self._next_version()
            entry = EntryKey(f"{self.name}-old", "P", str(version), "json")
            key = key_of(entry)
            text = {
                "hash": entry.hash,
                "text": value(key, version % 7).decode("latin-1"),
            }
            stock.write(key, json.dumps(text).encode(), 1.0)
            names.append((key, version))
        for key, version in names:
            self._tell("saving", key, version)
        report = importing.take_all(
            Cache(self.store.database, stock, Owner(Roll(None))), remove=True
        )
        if report.imported >= len(names):
            for key, version in names:
                self._tell("saved", key, version)

    def fold(self) -> None:
        """What the end of a run does with the log."""
        self.store.database.fold_log()

    def _acknowledge(self, key: str, version: int, put: bool) -> None:
        """Written behind, it is only told as done once it is flushed, sooner or later."""
        if put:
            self._put[key] = version
        if self.chance.random() < 0.4:
            self._flush()

    def _flush(self) -> None:
        put, self._put = self._put, {}
        if self.store.flush():
            for key, version in put.items():
                self._tell("saved", key, version)

    def _next_version(self) -> int:
        self._version += 1
        return self._version

    def _hash(self, name: str | None = None) -> str:
        which = f"{name or self.name}{self.chance.randrange(8)}"
        return hashlib.sha256(which.encode()).hexdigest()[:43]


def load(store: SqliteStore, key: str) -> int | None:
    """The version that is there of a key, with all its parts; None without any.

    Raises `Wrong`.
    """
    data = store.get(key)
    if data is None:
        return None
    if key.endswith(".jsonl"):
        return _version_of_parts(store, key, data)
    if key.endswith(".json"):
        text = json.loads(data)
        version = int(text["hash"])
        if text["text"].encode("latin-1") != value(key, version % 7):
            raise Wrong(f"{key} is not whole")
        return version
    return version_of(key, data)


def _manifest(key: str, hash: str, version: int, parts: list[str]) -> bytes:
    content = {
        "hash": hash,
        "defs": {part: {"reference": part} for part in parts},
        "meta": {"version": version},
    }
    return json.dumps(content).encode()


def _version_of_parts(store: SqliteStore, key: str, data: bytes) -> int | None:
    try:
        content = json.loads(data)
        version = int(content["meta"]["version"])
    except (ValueError, KeyError) as error:
        raise Wrong(f"{key}: {data[:60]!r} is no manifest") from error
    parts = list(content["defs"])
    found = {part: store.get(part) for part in parts}
    # Others may save it anew or clear it between two looks. Then the manifest is
    # another one, or gone.
    if store.get(key) != data:
        return None
    for part, bytes_ in found.items():
        if bytes_ is None:
            raise Missing(f"{part} is missing from {key}")
        if version_of(part, bytes_) != version:
            raise Wrong(f"{part} is of another version than {key}")
    return version
