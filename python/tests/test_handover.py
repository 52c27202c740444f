"""A signed value is hashed once as it is saved, and as strictly as ever when loaded."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from marimo._save.loaders import lazy

from marimo_cellar import SqliteStore
from marimo_cellar.entries.entries import EntryKey, Owner
from marimo_cellar.entries.roll import Roll
from marimo_cellar.loaders import handover
from marimo_cellar.session.entry_stores import EntryWriter
from tests.test_mapped import as_in_a_kernel, loader_of, save

__all__ = ["as_in_a_kernel"]

VALUES = {"small": b"small", "large": b"large" * 300_000}


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    return SqliteStore(str(tmp_path / "cache"))


@pytest.mark.parametrize("name", VALUES)
def test_marimo_signs_the_digest_that_names_the_blob(
    name: str, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[str | None] = []
    take = EntryWriter.take_digest

    def noted(writer: EntryWriter, data: object) -> str | None:
        taken.append(take(writer, data))
        return taken[-1]

    monkeypatch.setattr(EntryWriter, "take_digest", noted)
    save(loader_of(store), VALUES[name])
    with store.database.reading() as connection:
        assert connection is not None
        rows = connection.execute(
            "SELECT key, hex(digest), content FROM items JOIN blobs USING (digest)"
        ).fetchall()
    digests = {key: digest.lower() for key, digest, _ in rows}
    (manifest,) = (json.loads(row[2]) for row in rows if row[0].endswith(".jsonl"))
    signed: dict[str, Any] = manifest["meta"]["blob_hashes"]
    assert signed and signed == {key: digests[key] for key in signed}
    assert taken == list(signed.values())


def test_nothing_else_is_answered(store: SqliteStore) -> None:
    writer = EntryWriter(
        store.database, EntryKey("n", "P", "h", "lazy"), Owner(Roll(None))
    )
    put, other = b"12345", bytes(bytearray(b"12345"))
    digest = hashlib.sha256(put).hexdigest()
    with handover.handing_over(writer):
        writer.put("n/h/a.pickle", put)
        assert handover.digest_of(put) is None, "it was not asked to keep any"
        writer.keeps_newest = True
        writer.put("n/h/a.pickle", put)
        assert handover.digest_of(other) is None
        writer.put("n/h/a.pickle", put)
        assert handover.digest_of(put) == digest
        assert handover.digest_of(put) is None, "it is kept no longer than needed"
        writer.put("n/h/a.pickle", put)
    assert handover.digest_of(put) is None
    assert lazy._sha256hex(put) == digest  # type: ignore[attr-defined]
