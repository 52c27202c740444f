"""The check of a cache's bytes: blobs against their rows, and files that no row names."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from marimo_cellar.checking.findings import Kind, Problem, content_of, in_hex, query
from marimo_cellar.database.database import Database
from marimo_cellar.entries import blobs
from marimo_cellar.values import blobfile
from marimo_cellar.values.checksums import Checksums


@dataclass(frozen=True)
class _Blob:
    """A blob's row; `length` is that of the bytes in it."""

    blob_id: int
    digest: Any
    size: Any
    crc32: Any
    file: Any
    length: Any
    used: int

    @property
    def is_typed(self) -> bool:
        """Whether all values are of the types that we write."""
        return (
            isinstance(self.digest, bytes)
            and isinstance(self.size, int)
            and isinstance(self.crc32, int)
            and isinstance(self.file, (str, type(None)))
        )


_BLOBS = """
SELECT blob_id, digest, size, crc32, file,
  CASE typeof(content) WHEN 'blob' THEN length(content) END,
  EXISTS (SELECT 1 FROM items WHERE items.digest = blobs.digest)
FROM blobs WHERE quarantined_at IS NULL"""


def wrong_blobs(
    database: Database, with_bytes: bool, step: Callable[[int, int], None]
) -> Iterator[Problem]:
    """Blobs whose rows, sizes or bytes are wrong, and those that no item refers to.

    Bytes are read only `with_bytes`. `step` hears how many of how many were looked at.
    """
    rows = [_Blob(*row) for row in query(database, _BLOBS)]
    total = sum(row.size for row in rows if row.is_typed)
    done = 0
    for row in rows:
        found = _wrong(database, row, with_bytes)
        # It may have been replaced or cleared while it was looked at.
        if found is not None and _is_still(database, row):
            yield Problem(found[0], in_hex(row.digest), found[1])
        elif not row.used and _is_still(database, row):
            yield Problem("unused-blob", in_hex(row.digest), "no item refers to it")
        done += row.size if row.is_typed else 0
        step(done, total)


def _is_still(database: Database, row: _Blob) -> bool:
    again = query(database, f"{_BLOBS} AND blob_id = ?", row.blob_id)
    return [_Blob(*one) for one in again] == [row]


def _wrong(database: Database, row: _Blob, with_bytes: bool) -> tuple[Kind, str] | None:
    """What is wrong with a blob, if anything is."""
    if not row.is_typed:
        return "row", "a value of its row is of a wrong type"
    if row.file is None:
        if row.length != row.size:
            return "wrong-size", f"it has {row.length} bytes, not {row.size}"
        if with_bytes:
            sums = Checksums()
            sums.add(content_of(database, row.blob_id) or b"")
            return _wrong_bytes(row, sums)
        return None
    path = blobs.path_of(database, row.digest, row.file)
    if path is None:
        return "wrong-name", f"its row names the file {row.file!r}"
    try:
        found = os.lstat(path)
        if not stat.S_ISREG(found.st_mode):
            return "missing-file", f"{row.file} is no plain file"
        if found.st_size != row.size:
            return "wrong-size", f"{row.file} has {found.st_size} bytes, not {row.size}"
        if with_bytes:
            return _wrong_bytes(row, blobfile.checksums_of(path))
    except FileNotFoundError:
        return "missing-file", f"{row.file} is gone"
    except OSError as error:
        return "unreadable-file", f"{row.file} cannot be read ({error.strerror})"
    return None


def _wrong_bytes(row: _Blob, sums: Checksums) -> tuple[Kind, str] | None:
    if sums.digest == row.digest and sums.crc32 == row.crc32:
        return None
    return "wrong-bytes", "its bytes are not those that were saved"


def files_without_row(database: Database, until: float) -> Iterator[Problem]:
    """What lies below `blobs/`, was last changed before `until`, and has no row."""
    named = {
        file
        for (file,) in query(database, "SELECT file FROM blobs WHERE file NOT NULL")
    }
    for path, error in _walk(database.blobs):
        about = path.relative_to(database.folder).as_posix()
        if error is not None:
            yield Problem(
                "unreadable-file", about, f"it cannot be read ({error.strerror})"
            )
            continue
        file = path.relative_to(database.blobs).as_posix()
        try:
            if os.lstat(path).st_mtime > until:
                continue
        except OSError:
            continue
        if blobfile.is_partial(file):
            yield Problem("partial-file", about, "it is the rest of a write cut off")
        elif (
            file not in named
            and not query(
                # It may have got one since.
                database,
                "SELECT 1 FROM blobs WHERE file = ?",
                file,
            )
            and os.path.lexists(path)
        ):
            yield Problem("unknown-file", about, "no row names it")


def _walk(folder: Path) -> Iterator[tuple[Path, OSError | None]]:
    """All that is no folder, below a folder; and the folders that cannot be listed."""
    try:
        with os.scandir(folder) as listing:
            found = sorted(listing, key=lambda one: one.name)
    except FileNotFoundError:
        return
    except OSError as error:
        yield folder, error
        return
    for one in found:
        if one.is_dir(follow_symlinks=False):
            yield from _walk(Path(one.path))
        else:
            yield Path(one.path), None
