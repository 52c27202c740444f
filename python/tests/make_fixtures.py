"""Makes test/fixtures/store/python: a cache as a real kernel writes it.

The TypeScript store's tests read it. Run this in the folder `python` after the
format changed, with any of the test environments:

    python -m tests.make_fixtures
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
from pathlib import Path

from tests.kernels import PACKAGE, build, cache_of, environment, export

FIXTURES = PACKAGE.parent / "test" / "fixtures" / "store"
NOTEBOOKS = ("alpha.py", "beta.py")


def make(source: Path, target: Path) -> None:
    """Runs the notebooks of `source` and leaves their cache in `target`."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "notebooks"
        folder.mkdir()
        home = Path(scratch) / "home"
        home.mkdir()
        env = environment(build(Path(scratch) / "shipped"), home)
        for name in NOTEBOOKS:
            shutil.copy(source / name, folder / name)
            run = export(folder / name, env)
            if not run.outputs:
                raise SystemExit(run.printed)
        # A second run, so that there are hits.
        export(folder / NOTEBOOKS[0], env)
        cache = cache_of(folder / NOTEBOOKS[0])
        fold(cache / "cache.db")
        shutil.rmtree(target / "cache", ignore_errors=True)
        shutil.copytree(
            cache,
            target / "cache",
            ignore=shutil.ignore_patterns(
                ".gitignore", "CACHEDIR.TAG", "*.json", "*-swept", "*.lock"
            ),
        )
    expected = describe(target / "cache" / "cache.db")
    (target / "expected.json").write_text(json.dumps(expected, indent=2) + "\n")


def fold(database: Path) -> None:
    """Folds the log into the database, so that the one file is all of it."""
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def describe(database: Path) -> dict[str, object]:
    """What a reader must find: rows by their columns' names, digests in hex."""
    connection = sqlite3.connect(f"file:{database}?immutable=1", uri=True)
    connection.row_factory = sqlite3.Row

    def rows(sql: str, *parameters: object) -> list[dict[str, object]]:
        return [
            {
                name: value.hex() if isinstance(value, bytes) else value
                for name, value in dict(row).items()
            }
            for row in connection.execute(sql, parameters)
        ]

    def entries(cell: dict[str, object]) -> list[dict[str, object]]:
        found = rows(
            "SELECT cache_name, cache_type, hash, loader, node, runtime,"
            " created_at, last_hit_at, hits, pinned, versions, entry_id"
            " FROM entries WHERE cell_id = ? ORDER BY entry_id",
            cell["cell_id"],
        )
        return [
            entry
            | {
                "items": rows(
                    "SELECT key, name, format, type_hint, digest, size, crc32,"
                    " seal, file FROM items JOIN blobs USING (digest)"
                    " WHERE entry_id = ? ORDER BY key",
                    entry["entry_id"],
                )
            }
            for entry in found
        ]

    def cells(app: dict[str, object]) -> list[dict[str, object]]:
        found = rows(
            "SELECT cell_id, name, ordinal, code, defs, retired_at,"
            " totals.entries AS entry_count, totals.size, totals.runtime"
            " FROM cells JOIN totals USING (cell_id) WHERE app_id = ?"
            " ORDER BY ordinal",
            app["app_id"],
        )
        return [cell | {"entries": entries(cell)} for cell in found]

    described = {
        "application_id": connection.execute("PRAGMA application_id").fetchone()[0],
        "user_version": connection.execute("PRAGMA user_version").fetchone()[0],
        "apps": [
            app | {"cells": cells(app)}
            for app in rows("SELECT app_id, path FROM apps ORDER BY path")
        ],
        "lookups": rows(
            "SELECT cell_id, cache_name, hash, outcome FROM lookups ORDER BY lookup_id"
        ),
    }
    connection.close()
    return described


if __name__ == "__main__":
    make(FIXTURES / "python", FIXTURES / "python")
