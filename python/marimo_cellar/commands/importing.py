"""`import`: takes what marimo cached in files into the database.

Never needed, since a kernel takes in each file that it looks for; this does it at
once, and lets the files be removed. Nothing is unpickled. What is in already is
skipped, so an import that was cut short goes on where it was.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from marimo_cellar.commands.caches import Cache, cache_of
from marimo_cellar.commands.progress import Progress
from marimo_cellar.entries import contents, entries, keys
from marimo_cellar.entries.entries import EntryKey
from marimo_cellar.loaders import published
from marimo_cellar.session.entry_stores import EntryWriter
from marimo_cellar.session.stock import StockFiles
from marimo_cellar.values import manifests


@dataclass
class Report:
    """What became of the entries; `damaged` are keys, each with what is wrong."""

    imported: int = 0
    there: int = 0
    cleared: int = 0
    removed: int = 0
    damaged: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        parts = [f"{self.imported} imported", f"{self.there} there already"]
        if self.cleared:
            parts.append(f"{self.cleared} cleared before and left out")
        if self.damaged:
            parts.append(f"{len(self.damaged)} damaged and left where they are")
        if self.removed:
            parts.append(f"the files of {self.removed} removed")
        return ", ".join(parts) + "."


def add_to(commands: Any) -> None:
    """Adds the command to argparse's subparsers."""
    parser = commands.add_parser(
        "import",
        help="take what marimo cached in files into the database",
        description="Takes what marimo cached in files into the database. The files "
        "stay until you remove them.",
    )
    parser.add_argument(
        "path",
        nargs="?",
        type=Path,
        default=Path(),
        metavar="FOLDER|NOTEBOOK",
        help="whose cache; the working folder's if left out",
    )
    parser.add_argument(
        "--remove",
        action="store_true",
        help="remove the files of what is in the database, whole, or was cleared",
    )
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    cache = cache_of(arguments.path)
    report = take_all(cache, arguments.remove)
    for line in report.damaged:
        print(f"Damaged: {line}", file=sys.stderr)
    print(f"{cache.stock.folder}: {report}")
    return 0


def take_all(cache: Cache, remove: bool) -> Report:
    """Takes a cache's files in. Raises OSError where nothing can be written."""
    report = Report()
    published.take_back(cache.stock, None)
    found = list(cache.stock.entries())
    progress = Progress("Importing", len(found))
    for entry in found:
        if _take(cache, entry, report) and remove:
            report.removed += cache.stock.remove(keys.key_of(entry))
        progress.step()
    cache.database.fold_log()
    return report


def _take(cache: Cache, entry: EntryKey, report: Report) -> bool:
    """Whether the entry's files are of no more use, once it was dealt with."""
    # Whose entry it is, its file does not tell. A run whose lookup it answers makes
    # it its own.
    database, stock, nobody = cache.database, cache.stock, cache.nobody
    if founds := entries.candidates(database, entry, nobody):
        report.there += 1
        return any(contents.exists(database, found) for found in founds)
    made_at = stock.made_at(entry)
    if made_at is None:
        # Gone since the folder was listed, by a kernel or by hand.
        return False
    if made_at <= entries.files_hidden_until(database, entry, nobody):
        report.cleared += 1
        return True
    writer = EntryWriter(database, entry, nobody, made_at=made_at)
    why = _read(stock, entry, writer)
    if why is not None and not writer.failed:
        writer.discard()
        report.damaged.append(f"{keys.key_of(entry)} ({why})")
        return False
    if writer.finish():
        report.imported += 1
    elif entries.candidates(database, entry, nobody):
        # A kernel was faster.
        report.there += 1
    else:
        raise OSError(f"Nothing more can be written to {database.folder}")
    return True


def _read(stock: StockFiles, entry: EntryKey, writer: EntryWriter) -> str | None:
    """Puts an entry's bytes, one file in memory at a time; or says what is wrong."""
    key = keys.key_of(entry)
    whole = stock.read(key)
    if whole is None:
        return "it cannot be read"
    for part in stock.parts(entry, whole):
        if (data := stock.read(part)) is not None:
            writer.put(part, data)
    if entry.loader == "lazy":
        why = manifests.fault(whole, entry.hash, writer.digests)
    elif entry.loader == "json":
        why = manifests.json_fault(whole, entry.hash)
    else:
        # As far as one can tell without unpickling it: every pickle that marimo
        # writes begins with its protocol and ends with the code for its end.
        right = whole[:1] == b"\x80" and whole[-1:] == b"."
        why = None if right else "it is no pickle"
    if why is None:
        writer.put(key, whole)
    return why
