"""Caches that either language wrote, and of each format, read by this one.

TypeScript reads the same ones in test/unit/store/crossLanguage.test.ts.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from marimo_cellar import SqliteStore
from marimo_cellar.entries import contents, entries
from marimo_cellar.entries.entries import EntryKey, Owner
from marimo_cellar.entries.roll import Roll
from tests.make_fixtures import FIXTURES, describe
from tests.test_store import audit


@pytest.fixture(params=["python", "typescript", "1.0", "1.1", "1.2"])
def cache(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Any]:
    """A copy, since opening a database writes beside it."""
    source = FIXTURES / request.param
    folder = tmp_path / "notebooks" / "__marimo__" / "cache"
    shutil.copytree(source / "cache", folder)
    return folder, json.loads((source / "expected.json").read_text("utf-8"))


def expected_entries(expected: Any) -> Iterator[tuple[Any, Any]]:
    for app in expected["apps"]:
        for cell in app["cells"]:
            for entry in cell["entries"]:
                yield cell, entry


def test_rows_are_as_stated(cache: tuple[Path, Any]) -> None:
    folder, expected = cache
    found: Any = describe(folder / "cache.db")
    assert found["application_id"] == expected.get(
        "application_id", found["application_id"]
    )
    assert found["user_version"] == expected.get("user_version", 1000)
    assert [app["path"] for app in found["apps"]] == [
        app["path"] for app in expected["apps"]
    ]
    for (cell, entry), (other_cell, other) in zip(
        expected_entries(found), expected_entries(expected), strict=True
    ):
        for name in ("name", "ordinal", "code", "retired_at", "size"):
            assert cell[name] == other_cell[name]
        for name in ("cache_name", "cache_type", "hash", "loader", "node"):
            assert entry[name] == other[name]
        for item, other_item in zip(entry["items"], other["items"], strict=True):
            for name in ("key", "name", "format", "digest", "size", "file"):
                assert item[name] == other_item[name]


def test_every_value_is_found_and_is_what_was_saved(
    cache: tuple[Path, Any],
) -> None:
    folder, expected = cache
    store = SqliteStore(str(folder))
    values = 0
    for cell, entry in expected_entries(expected):
        names = ("cache_name", "cache_type", "hash", "loader")
        key = EntryKey(*(entry[name] for name in names))
        (found,) = [
            found
            for found in entries.candidates(store.database, key, Owner(Roll(None)))
            if found.cell_id == cell["cell_id"]
        ]
        loaded = contents.load(store.database, found)
        assert loaded.why is None
        for item in entry["items"]:
            data = loaded.contents[item["key"]]
            assert hashlib.sha256(data).hexdigest() == item["digest"]
            assert len(data) == item["size"]
            values += 1
    assert values > 3
    audit(store)


def test_it_is_written_to_as_well(cache: tuple[Path, Any]) -> None:
    folder, _ = cache
    store = SqliteStore(str(folder))
    assert store.put("block/P_new.pickle", b"new" * 50_000)
    assert store.get("block/P_new.pickle") == b"new" * 50_000
    audit(store)
