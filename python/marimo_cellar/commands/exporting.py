"""`export`: writes the database back as marimo's own files, byte for byte.

Into the cache's own folder it is the way back to marimo without Cellar; into
another it is a copy that marimo can use.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from marimo_cellar.commands.caches import (
    as_found,
    cache_of,
    existing,
    is_marimo_cache,
)
from marimo_cellar.commands.progress import Progress
from marimo_cellar.database.database import DATABASE_NAME, Database, database_in
from marimo_cellar.database.found import Found
from marimo_cellar.entries import entries, keys
from marimo_cellar.entries.contents import load
from marimo_cellar.entries.entries import EntryKey, Owner
from marimo_cellar.loaders import published
from marimo_cellar.session.stock import StockFiles


@dataclass
class Report:
    """How many entries were written, and how many were not, and why."""

    written: int = 0
    newer: int = 0
    damaged: int = 0

    def __str__(self) -> str:
        parts = [f"{self.written} exported"]
        if self.newer:
            parts.append(f"{self.newer} left out for newer files")
        if self.damaged:
            parts.append(f"{self.damaged} damaged and left out")
        return ", ".join(parts) + "."


def add_to(commands: Any) -> None:
    """Adds the command to argparse's subparsers."""
    parser = commands.add_parser(
        "export",
        help="write the database back as marimo's own files",
        description="Writes the database back as marimo's own files. The database "
        "stays as it is.",
    )
    parser.add_argument(
        "destination",
        type=Path,
        metavar="DESTINATION",
        help="the folder to write to, made if need be; marimo reads "
        "__marimo__/cache beside the notebook",
    )
    parser.add_argument(
        "--database",
        type=Path,
        default=Path(),
        metavar="PATH",
        help="a notebook, a folder or a cache.db; the working folder's if left out",
    )
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    path: Path = arguments.database
    database, owner = _source(path)
    existing(database)
    destination = StockFiles(Path(os.path.abspath(arguments.destination)))
    with as_found(database):
        report = write_all(database, owner, destination)
    print(f"{arguments.destination}: {report}")
    return 0


def _source(path: Path) -> tuple[Database, Owner | None]:
    """The database that is named, and whose entries of it are meant: all for None."""
    if path.name == DATABASE_NAME:
        folder = Path(os.path.abspath(path)).parent
        owner = cache_of(folder).nobody if is_marimo_cache(folder) else None
        return database_in(folder), owner
    cache = cache_of(path)
    return cache.database, cache.nobody


def write_all(database: Database, owner: Owner | None, stock: StockFiles) -> Report:
    """Writes what the owner may use, or every entry; of equal ones the newest that is
    whole. Raises OSError."""
    report = Report()
    # Or the next run would take back what was there already.
    published.take_back(stock, None)
    found = entries.keys_in(database)
    progress = Progress("Exporting", len(found))
    for entry in found:
        founds = (
            entries.all_of(database, entry)
            if owner is None
            else entries.candidates(database, entry, owner)
        )
        if founds:
            _write(database, stock, entry, founds, report)
        progress.step()
    return report


def _write(
    database: Database,
    stock: StockFiles,
    entry: EntryKey,
    founds: list[Found],
    report: Report,
) -> None:
    for found in founds:
        contents = load(database, found).contents
        last = next((key for key in contents if keys.entry_of(key) == entry), None)
        if not contents or (last is None and entry.loader != "store"):
            continue
        if last is not None and (stock.made_at(entry) or 0) > found.created_at:
            report.newer += 1
            return
        try:
            # The manifest last, as marimo does: it vouches for the others. And with
            # the time the entry was made at: a cell that was cleared since must not
            # be answered from the file.
            for key in sorted(contents, key=lambda key: key == last):
                stock.write(key, contents[key], found.created_at)
        except ValueError:
            continue
        report.written += 1
        return
    report.damaged += 1
