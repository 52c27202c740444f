"""Decoders of bytes, names and texts, and how what they do is judged.

Each function prepares a folder and gives a case: it raises AssertionError, or
whatever the decoder should have kept to itself.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from marimo_cellar.database.database import database_in
from marimo_cellar.entries import blobs, keys
from marimo_cellar.entries.entries import EntryKey
from marimo_cellar.notebook.code import normalise
from marimo_cellar.notebook.identity import NotebookCell, StoredCell, match_cells
from marimo_cellar.notebook.literals import end_of_literal
from marimo_cellar.session.stock import StockFiles
from marimo_cellar.settings.place import System, find_place
from marimo_cellar.values import checksums, manifests
from tests.resilience.damaging import TEXTS, damaged, made_json, text_of

Case = Callable[[random.Random], None]

HASH = "dc8sase2Po7xfakuHMeboH0K7PT_DNnDJAXxrXy-dhw"

# Manifests, entries in JSON, keys

_PART = f"cell_cache/{HASH}/x.npy"
_DIGEST = hashlib.sha256(b"x").digest()
_MANIFEST = {
    "hash": HASH,
    "cache_type": "P",
    "defs": {"x": {"reference": _PART, "type_hint": "t"}, "y": {"primitive": 1}},
    "meta": {
        "version": 6,
        "return_value": {"reference": f"cell_cache/{HASH}/return.json"},
        "blob_hashes": {_PART: _DIGEST.hex()},
    },
}
_DIGESTS = {_PART: _DIGEST, f"cell_cache/{HASH}/return.json": _DIGEST}


def manifest(folder: Path) -> Case:
    def case(chance: random.Random) -> None:
        data = made_json(_MANIFEST, chance)
        hints = manifests.type_hints(data)
        assert all(isinstance(key, str) for key in hints)
        assert all(isinstance(hint, (str, type(None))) for hint in hints.values())
        names = frozenset(("x", "y")) if chance.random() < 0.5 else None
        if manifests.fault(data, HASH, _DIGESTS, names) is None:
            content = json.loads(data)
            assert content["hash"] == HASH and hints.keys() <= _DIGESTS.keys()
            assert names is None or set(content["defs"]) == names

    return case


def json_entry(folder: Path) -> Case:
    good = {"hash": HASH, "defs": {"x": 1}, "key": {"hash": HASH}}

    def case(chance: random.Random) -> None:
        data = made_json(good, chance)
        if manifests.json_fault(data, HASH) is None:
            content = json.loads(data)
            assert content.get("key", content)["hash"] == HASH

    return case


def key(folder: Path) -> Case:
    good = (f"cell_cache/P_{HASH}.jsonl", _PART, "block/C_x.pickle", "a/b/c/d.bin")

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
    (inside / "cell_cache" / HASH).mkdir(parents=True)
    (inside / _PART).write_bytes(b"x")
    (folder / "secret").write_bytes(b"secret")
    files = StockFiles(inside)
    entry = EntryKey("cell_cache", "P", HASH, "lazy")
    whole = inside / keys.key_of(entry)

    def case(chance: random.Random) -> None:
        whole.write_bytes(made_json(_MANIFEST, chance))
        loaded = files.load(entry)
        place = f"cell_cache/{HASH}/"
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
        assert checksums.seal(text, _DIGEST, size) == sealed

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
        variable = chance.choice(("", "", *TEXTS)).replace("\ud800", "")
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
                "code": text_of(chance, chance.choice(("x = 1", "y = x", "")) * 5),
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
