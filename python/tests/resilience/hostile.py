"""Made-up and damaged bytes for every decoder on the Python side.

Each decoder gets good input that was damaged by chance, and what it does with it is
judged: it may refuse, and may not raise, serve what is wrong or leave its folder.

`python -m tests.resilience.hostile --cases 10000` prints the figures as JSON; the
seed is printed, and `CELLAR_SEED` sets it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import sqlite3
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from marimo_cellar import (
    SqliteLoader,
    SqliteStore,
    blobs,
    checking,
    entries,
    keys,
    manifests,
    notices,
)
from marimo_cellar._marimo import Cache, HashKey, LazyStore
from marimo_cellar.cells import Roll
from marimo_cellar.code import normalise
from marimo_cellar.database import Unavailable, database_in
from marimo_cellar.entries import EntryKey, Owner
from marimo_cellar.identity import NotebookCell, StoredCell, match_cells
from marimo_cellar.literals import end_of_literal
from marimo_cellar.notebook import FileCell, KernelCell, compose
from marimo_cellar.place import System, find_place
from marimo_cellar.stock import StockFiles

# One case: raises AssertionError, or whatever a decoder should have kept to itself.
Case = Callable[[random.Random], None]

_HASH = "dc8sase2Po7xfakuHMeboH0K7PT_DNnDJAXxrXy-dhw"
_KEY = HashKey(hash=_HASH, cache_type="Pure")
_TEXTS = (
    "", "\0", "/", "..", "../../x", "C:\\x", "cache.db", "a" * 300, "é\u2028", "\ud800",
    "~", "[", '"', "{}", "[]", "null", "1e999", "-1", "\\", "'''", 'f"{', "#", "\t\n\f",
)  # fmt: skip
_NUMBERS = (0, -1, 1, 2**31, 2**63 - 1, -(2**63), 0.5, 1e308)


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Bytes with some flipped, cut out, doubled or replaced by what hurts."""
    result = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(result) + 1)
        end = min(len(result), at + chance.choice((1, 1, 2, 8, 40)))
        match chance.randrange(6):
            case 0 if at < len(result):
                result[at] ^= 1 << chance.randrange(8)
            case 1:
                del result[at:end]
            case 2:
                result[at:at] = result[at:end] * chance.choice((1, 2, 50))
            case 3:
                text = chance.choice(_TEXTS)
                result[at:end] = text.encode("utf-8", "surrogatepass")
            case 4:
                result[at:end] = chance.randbytes(end - at)
            case _:
                del result[at:]
    return bytes(result)


def twisted(value: Any, chance: random.Random) -> Any:
    """A JSON value with some part of it replaced by another value or type."""
    if isinstance(value, dict) and value and chance.random() < 0.85:
        key = chance.choice(sorted(value))
        twist = twisted(value[key], chance)
        rest = {name: old for name, old in value.items() if name != key}
        if chance.random() < 0.2:
            return rest
        return rest | {chance.choice((key, key, chance.choice(_TEXTS))): twist}
    if isinstance(value, list) and value and chance.random() < 0.7:
        at = chance.randrange(len(value))
        return [*value[:at], twisted(value[at], chance), *value[at + 1 :]]
    return chance.choice(
        (None, True, [], {}, [value], {"x": value}, *_NUMBERS, *_TEXTS)
    )


def text_of(chance: random.Random, good: str) -> str:
    """A text made of damaged UTF-8."""
    return damaged(good.encode(), chance).decode("utf-8", "replace")


def _json(content: Any, chance: random.Random) -> bytes:
    if chance.random() < 0.02:
        return b"[" * 100_000
    if chance.random() < 0.6:
        content = twisted(content, chance)
    text = json.dumps(content).encode("utf-8", "replace")
    return damaged(text, chance) if chance.random() < 0.5 else text


# Manifests, entries in JSON, keys

_PART = f"cell_cache/{_HASH}/x.npy"
_DIGEST = hashlib.sha256(b"x").digest()
_MANIFEST = {
    "hash": _HASH,
    "cache_type": "P",
    "defs": {"x": {"reference": _PART, "type_hint": "t"}, "y": {"primitive": 1}},
    "meta": {
        "version": 6,
        "return_value": {"reference": f"cell_cache/{_HASH}/return.json"},
        "blob_hashes": {_PART: _DIGEST.hex()},
    },
}
_DIGESTS = {_PART: _DIGEST, f"cell_cache/{_HASH}/return.json": _DIGEST}


def manifest(folder: Path) -> Case:
    def case(chance: random.Random) -> None:
        data = _json(_MANIFEST, chance)
        hints = manifests.type_hints(data)
        assert all(isinstance(key, str) for key in hints)
        assert all(isinstance(hint, (str, type(None))) for hint in hints.values())
        names = frozenset(("x", "y")) if chance.random() < 0.5 else None
        if manifests.fault(data, _HASH, _DIGESTS, names) is None:
            content = json.loads(data)
            assert content["hash"] == _HASH and hints.keys() <= _DIGESTS.keys()
            assert names is None or set(content["defs"]) == names

    return case


def json_entry(folder: Path) -> Case:
    good = {"hash": _HASH, "defs": {"x": 1}, "key": {"hash": _HASH}}

    def case(chance: random.Random) -> None:
        data = _json(good, chance)
        if manifests.json_fault(data, _HASH) is None:
            content = json.loads(data)
            assert content.get("key", content)["hash"] == _HASH

    return case


def key(folder: Path) -> Case:
    good = (f"cell_cache/P_{_HASH}.jsonl", _PART, "block/C_x.pickle", "a/b/c/d.bin")

    def case(chance: random.Random) -> None:
        text = keys.posix(text_of(chance, chance.choice(good)))
        entry = keys.entry_of(text)
        if entry is not None:
            assert keys.key_of(entry) == text
        owner = keys.owner_of(text)
        if owner is not None:
            assert text.startswith("/".join(owner) + "/")
        assert keys.format_of(text) in blobs.FORMATS
        keys.stem(text)

    return case


# marimo's own files, names of blobs, seals


def stock(folder: Path) -> Case:
    inside = folder / "stock"
    (inside / "cell_cache" / _HASH).mkdir(parents=True)
    (inside / _PART).write_bytes(b"x")
    (folder / "secret").write_bytes(b"secret")
    files = StockFiles(inside)
    entry = EntryKey("cell_cache", "P", _HASH, "lazy")
    whole = inside / keys.key_of(entry)

    def case(chance: random.Random) -> None:
        whole.write_bytes(_json(_MANIFEST, chance))
        loaded = files.load(entry)
        place = f"cell_cache/{_HASH}/"
        for name, content in loaded.contents.items():
            assert name == keys.key_of(entry) or name.startswith(place)
            assert b"secret" not in bytes(content)
        list(files.entries())
        text = text_of(chance, "cell_cache/../../secret")
        assert files.read(text) != b"secret"
        with suppress(ValueError, OSError):
            files.write(f"n/{text}", b"new", 1.0)
        assert (folder / "secret").read_bytes() == b"secret"
        assert {path.name for path in folder.iterdir()} == {"stock", "secret"}

    return case


def blob_name(folder: Path) -> Case:
    database = database_in(folder / "cache")
    name = f"{_DIGEST.hex()[:2]}/{_DIGEST.hex()}.npy"

    def case(chance: random.Random) -> None:
        text = text_of(chance, name)
        path = blobs.path_of(database, _DIGEST, text)
        if path is not None:
            assert path.parent.parent == database.blobs
            assert path.name.split(".")[0] == _DIGEST.hex()
        size = chance.choice((0, 1, 2**40))
        sealed = zlib.crc32(text.encode() + _DIGEST + size.to_bytes(8, "little"))
        assert blobs.seal(text, _DIGEST, size) == sealed

    return case


# A stranger's database


class _Filled:
    """A cache with one entry of each loader, that can be put back as it was."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "cache"
        self.store = SqliteStore(str(self.folder))
        self.good = {"x": [1, 2], "text": "words" * 20_000}
        cell = KernelCell("Hbol", "x = 1", frozenset("x"), frozenset())
        notebook = compose([cell], [FileCell("one", "x = 1")])
        self.owner = Owner(Roll(folder / "nb.py"), notebook, "Hbol")
        one = self.loader()
        one.save_cache(
            Cache(
                self.good, _HASH, "Pure", set(), False, {"version": 6, "runtime": 1.0}
            )
        )
        one.flush()
        assert self.store.put("n/P_1.pickle", b"one")
        assert self.loader().load_cache(_KEY).defs == self.good
        self.store.database.fold_log()
        self.store.database.close()
        self.bytes = self.store.database.path.read_bytes()
        self.blobs = {
            path: path.read_bytes()
            for path in self.store.database.blobs.rglob("*")
            if path.is_file()
        }

    def loader(self) -> Any:
        return SqliteLoader("cell_cache", store=LazyStore(self.store))

    def put_back(self, data: bytes | None = None) -> None:
        """The database as it was, or these bytes in its place."""
        self.store.database.close()
        for path in self.folder.glob("cache.db*"):
            path.unlink()
        for path in self.store.database.blobs.rglob("*"):
            if path.is_file() and path not in self.blobs:
                path.unlink()
        for path, content in self.blobs.items():
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        database_in(self.folder).connections.__init__(  # type: ignore[misc]
            self.store.database.path
        )
        self.store.database.path.write_bytes(self.bytes if data is None else data)

    def judge(self) -> None:
        """Whatever is there, it is right or a miss."""
        cache = self.loader().load_cache(_KEY)
        assert cache is None or cache.defs == self.good
        assert self.store.get("n/P_1.pickle") in (b"one", None)
        for name in (f"cell_cache/P_{_HASH}.jsonl", "n/P_1.pickle"):
            self.store.hit(name)
        with suppress(Unavailable, sqlite3.Error):
            entries.candidates(
                self.store.database,
                EntryKey("cell_cache", "P", _HASH, "lazy"),
                self.owner,
            )
        with suppress(Unavailable, sqlite3.Error):
            checking.audit(self.store.database)


def row(folder: Path) -> Case:
    filled = _Filled(folder)
    filled.put_back()
    with closing(sqlite3.connect(filled.store.database.path)) as connection:
        columns = [
            (table, name)
            for (table,) in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table'"
            )
            for _, name, *_ in connection.execute(f"PRAGMA table_info({table})")
        ]

    def case(chance: random.Random) -> None:
        filled.put_back()
        with closing(sqlite3.connect(filled.store.database.path)) as connection:
            connection.execute("PRAGMA ignore_check_constraints = ON")
            for _ in range(chance.randint(1, 3)):
                table, name = chance.choice(columns)
                value = chance.choice(
                    (None, chance.randbytes(chance.choice((0, 1, 32))), *_NUMBERS,
                     *(text for text in _TEXTS if text != "\ud800"))
                )  # fmt: skip
                with suppress(sqlite3.Error):
                    connection.execute(
                        f"UPDATE {table} SET {name} = ? WHERE abs(random()) % 2",
                        (value,),
                    )
            connection.commit()
        filled.judge()

    return case


def schema(folder: Path) -> Case:
    filled = _Filled(folder)
    changes = (
        "PRAGMA application_id = {number}",
        "PRAGMA user_version = {number}",
        "CREATE TABLE {name} (x)",
        "CREATE VIEW {name} AS SELECT * FROM entries",
        "CREATE TRIGGER {name} AFTER INSERT ON entries BEGIN DELETE FROM blobs; END",
        "DROP TABLE lookups",
        "DROP INDEX items_by_key",
        "DROP TRIGGER items_count",
        "ALTER TABLE entries ADD COLUMN {name}",
        "ALTER TABLE blobs RENAME TO {name}",
        "UPDATE sqlite_master SET sql = replace(sql, 'TEXT', '{name}')",
        "DELETE FROM sqlite_master WHERE name LIKE '%{name}%'",
    )

    def case(chance: random.Random) -> None:
        filled.put_back()
        with closing(sqlite3.connect(filled.store.database.path)) as connection:
            connection.execute("PRAGMA writable_schema = ON")
            for change in chance.sample(changes, chance.randint(1, 3)):
                with suppress(sqlite3.Error):
                    connection.execute(
                        change.format(
                            number=chance.choice(
                                (0, 1, 999, 1001, 2000, -1, 2**31 - 1)
                            ),
                            name=chance.choice(("later", "blobs", "i", "t")),
                        )
                    )
            connection.commit()
        filled.judge()
        filled.store.put("n/P_2.pickle", b"two")

    return case


def pages(folder: Path) -> Case:
    filled = _Filled(folder)

    def case(chance: random.Random) -> None:
        data = bytearray(filled.bytes)
        for _ in range(chance.choice((1, 3, 20))):
            # Where a page begins, and the first page most of all, it hurts most.
            page = chance.choice((0, chance.randrange(len(data) // 8192) * 8192))
            at = page + chance.randrange(chance.choice((100, 400, 8192)))
            data[at] = chance.choice((0, 255, chance.randrange(256)))
        if chance.random() < 0.2:
            del data[chance.randrange(len(data)) :]
        filled.put_back(bytes(data))
        filled.judge()
        filled.store.put("n/P_2.pickle", b"two")

    return case


# Settings, code


def settings(folder: Path) -> Case:
    folder = Path(os.path.realpath(folder))
    project, home = folder / "project", folder / "home"
    (project / "notebooks").mkdir(parents=True)
    (home / ".config" / "cellar").mkdir(parents=True)
    good = '[project]\nname = "x"\n[tool.cellar]\npath = "caches/{here}"\n'
    usual = project / "notebooks" / "__marimo__" / "cache"

    def case(chance: random.Random) -> None:
        # Damaged as text at times, since most damaged bytes are no text at all.
        content = damaged(good.encode(), chance)
        (project / "pyproject.toml").write_bytes(content)
        (home / ".config" / "cellar" / "config.toml").write_bytes(
            damaged(b'path = "~/caches"\n', chance)
        )
        variable = chance.choice(("", "", *_TEXTS)).replace("\ud800", "")
        env = {"CELLAR_PATH": variable} if variable else {}
        found = find_place(project / "notebooks", usual, System(env, "linux", home))
        assert found.folder.is_absolute()
        if found.source == "project":
            assert project in found.folder.parents
        if found.source == "default":
            assert found.folder == usual

    return case


def code(folder: Path) -> Case:
    good = 'x = f"{y!r:>{w}} {\'a\'}" # why\nif x:\n\treturn """\n"""\n'

    def case(chance: random.Random) -> None:
        text = text_of(chance, good)
        assert isinstance(normalise(text), str)
        for at in range(0, len(text), 7):
            end = end_of_literal(text, at)
            assert end is None or at < end <= len(text)

    return case


def identity(folder: Path) -> Case:
    def case(chance: random.Random) -> None:
        def some() -> dict[str, Any]:
            return {
                "name": chance.choice((None, "", "_", "a", "b")),
                "digest": chance.choice((b"", b"1", b"2", b"3")),
                "defs": frozenset(chance.sample("wxyz", chance.randint(0, 3))),
            }

        stored = [
            StoredCell(cell_id=number, retired=chance.random() < 0.3, **some())
            for number in range(chance.randint(0, 6))
        ]
        cells = [
            NotebookCell(known_as=chance.choice((None, 0, 1, 99)), **some())
            for _ in range(chance.randint(0, 6))
        ]
        found = [match.cell_id for match in match_cells(stored, cells)]
        assert len(found) == len(cells)
        known = [one for one in found if one is not None]
        assert len(set(known)) == len(known)
        assert set(known) <= {one.cell_id for one in stored}

    return case


# Decoders by name, and how many of a hundred cases each gets.
DECODERS: dict[str, tuple[Callable[[Path], Case], int]] = {
    "manifest": (manifest, 21),
    "json entry": (json_entry, 10),
    "key": (key, 15),
    "stock files": (stock, 10),
    "blob name and seal": (blob_name, 10),
    "settings": (settings, 10),
    "code": (code, 10),
    "identity": (identity, 10),
    "row": (row, 2),
    "schema": (schema, 1),
    "pages": (pages, 1),
}


def seed() -> int:
    """That of `CELLAR_SEED`, or another one each time."""
    return int(os.environ.get("CELLAR_SEED") or random.randrange(2**31))


def run(name: str, cases: int, seed: int, folder: Path) -> int:
    """A decoder's share of so many cases; how many these were.

    Raises AssertionError that names the case, which is its own seed.
    """
    prepare, share = DECODERS[name]
    with _quiet():
        case = prepare(folder)
        count = max(1, cases * share // 100)
        for number in range(count):
            try:
                case(random.Random(f"{seed} {name} {number}"))
            except BaseException as error:
                raise AssertionError(
                    f"{name}: case {number} of CELLAR_SEED={seed}: {error!r}"
                ) from error
    return count


@contextmanager
def _quiet() -> Iterator[None]:
    """What the user would hear of each is not ours to see."""
    before = notices.logger.disabled
    notices.logger.disabled = True
    try:
        yield
    finally:
        notices.logger.disabled = before


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=seed())
    given = parser.parse_args()
    print(f"CELLAR_SEED={given.seed}", file=sys.stderr)
    counts = {}
    for decoder in DECODERS:
        with tempfile.TemporaryDirectory() as temporary:
            counts[decoder] = run(decoder, given.cases, given.seed, Path(temporary))
    print(json.dumps({"seed": given.seed, "cases": counts}, indent=1))
