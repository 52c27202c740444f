"""Files for `marimo export html-wasm --execute`, which ships what a run cached.

Another process copies them out of marimo's cache folder, by the keys that the kernel
lists in an export manifest as it ends. So before the manifest is there, what it lists
is written as marimo itself would have; and the next run takes it back.

A record beside the files says which are ours. Of what it names, nothing answers a
lookup, or a cleared result could come back through it, and nothing is removed that
has been written anew since. Where marimo had files of an entry already, they are
replaced, as marimo would, and stay.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from msgspec import Struct

from marimo_cellar import _marimo
from marimo_cellar.entries import entries, keys
from marimo_cellar.entries.contents import load
from marimo_cellar.entries.entries import EntryKey, Owner
from marimo_cellar.entries.roll import Roll
from marimo_cellar.notices import warn_once
from marimo_cellar.session.stock import StockFiles, write_file
from marimo_cellar.session.store import SqliteStore

_RECORD = r"\.cellar-published-[0-9a-f]{16}\.jsonl"
# Another notebook's files stay this long, in seconds: they may be being copied.
_WHILE_COPIED = 3600.0

Dump = Callable[[str], None]


def publishing(dump: Dump) -> Dump:
    """marimo's `dump_cache_manifests`, before which what it lists is made files."""

    def dump_cache_manifests(manifest_name: str) -> None:
        try:
            _publish(manifest_name)
        except Exception as error:
            warn_once(
                "publish",
                manifest_name,
                f"results could not be written for the export ({error!r}). What is "
                "exported computes them again.",
            )
        dump(manifest_name)

    return dump_cache_manifests


def take_back(stock: StockFiles, notebook: Path | None) -> None:
    """Removes what was published of a notebook, and what others left long ago.

    All of it for None. A record is not believed: it may name what is a key of
    marimo's, and a file that is not as it says is not ours any more.
    """
    for record in _records(stock.folder):
        ours = notebook is None or record.notebook == notebook.name
        if not ours and time.time() - record.made_at < _WHILE_COPIED:
            continue
        for key in record.files:
            if record.holds(stock, key):
                stock.remove_file(key)
        with suppress(OSError):
            record.path.unlink()


def is_published(stock: StockFiles, entry: EntryKey) -> bool:
    """Whether an entry's file is one of ours, for an export."""
    key = keys.key_of(entry)
    return any(record.holds(stock, key) for record in _records(stock.folder))


class _Record(Struct, frozen=True):
    """What was published of a notebook: size and time of each file, by key.

    The file is one JSON object a line: the notebook, then an entry's files each.
    """

    path: Path
    notebook: str
    made_at: float
    files: Mapping[str, tuple[int, int]]

    def holds(self, stock: StockFiles, key: str) -> bool:
        """Whether the key's file is still the one that was published."""
        return key in self.files and stock.identity(key) == self.files[key]


def _publish(manifest_name: str) -> None:
    context = _marimo.current_context()
    if context is None or not _marimo.is_cache_export(context):
        return
    notebook = _marimo.notebook_path(context)
    listed = _marimo.export_keys()
    folders: set[Path] = set()
    for store in _marimo.stores_in_use():
        if isinstance(store, SqliteStore) and store.stock.folder not in folders:
            folders.add(store.stock.folder)
            _publish_from(store, notebook, listed, manifest_name)


def _publish_from(
    store: SqliteStore, notebook: Path | None, listed: list[str], manifest_name: str
) -> None:
    stock, owner = store.stock, Owner(Roll(notebook))
    stock.folder.mkdir(parents=True, exist_ok=True)
    with _record_for(stock, notebook) as record:
        for entry in filter(None, map(keys.entry_of, listed)):
            _publish_entry(store, owner, entry, set(listed), record)
    # marimo writes these where our store is, and looks for them here.
    if stock.folder != store.save_path:
        for key in filter(_marimo.is_notebook_manifest, listed):
            if (data := store.get(key)) is not None:
                write_file(stock.folder / key, data)
        write_file(stock.folder / manifest_name, json.dumps(listed).encode())


def _publish_entry(
    store: SqliteStore,
    owner: Owner,
    entry: EntryKey,
    listed: set[str],
    record: IO[str],
) -> None:
    """Writes the listed files of an entry, of equal ones the newest that is whole."""
    stock, manifest = store.stock, keys.key_of(entry)
    for found in entries.candidates(store.database, entry, owner):
        contents = load(store.database, found).contents
        if not contents:
            continue
        # Even and whole seconds are kept by every file system.
        made_at = int(found.created_at) // 2 * 2
        waiting = {
            key: data
            for key, data in contents.items()
            if key in listed and stock.read(key) != data
        }
        if stock.made_at(entry) is None or is_published(stock, entry):
            # Before there is any file: after a crash nobody would know of it.
            files = {key: (len(data), made_at) for key, data in waiting.items()}
            record.write(json.dumps(files) + "\n")
            record.flush()
        for key in sorted(waiting, key=lambda key: key == manifest):
            stock.write(key, waiting[key], made_at)
        return


@contextmanager
def _record_for(stock: StockFiles, notebook: Path | None) -> Iterator[IO[str]]:
    """The open record of a notebook, to which files are added by the line."""
    name = notebook.name if notebook is not None else ""
    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()
    path = stock.folder / f".cellar-published-{digest[:16]}.jsonl"
    with open(path, "a", encoding="ascii") as record:
        if record.tell() == 0:
            record.write(json.dumps(name) + "\n")
        yield record


def _records(folder: Path) -> Iterator[_Record]:
    try:
        with os.scandir(folder) as found:
            paths = [Path(one.path) for one in found if re.fullmatch(_RECORD, one.name)]
    except OSError:
        return
    for path in paths:
        try:
            with open(path, encoding="ascii") as file:
                made_at = os.fstat(file.fileno()).st_mtime
                notebook = json.loads(file.readline())
                yield _Record(path, notebook, made_at, _files(file))
        except (OSError, ValueError):
            continue


def _files(lines: Iterable[str]) -> dict[str, tuple[int, int]]:
    """What a record names, up to a line that was cut off."""
    files: dict[str, tuple[int, int]] = {}
    with suppress(ValueError, TypeError, AttributeError):
        for line in lines:
            for key, (size, made_at) in json.loads(line).items():
                files[key] = size, made_at
    return files
