"""Bytes under their digest: small ones in their row, large ones in a file."""

from __future__ import annotations

import os
import re
import sqlite3
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from marimo_cellar.database import bulk
from marimo_cellar.database.database import Database
from marimo_cellar.database.found import StoredItem
from marimo_cellar.values import blobfile
from marimo_cellar.values.alongside import alongside
from marimo_cellar.values.blobfile import Bytes, Damaged
from marimo_cellar.values.checksums import fingerprints

# Up to this many bytes a blob lies in its row.
INLINE_BYTES = 64 * 1024

FORMATS = frozenset(("arrow", "json", "npy", "pickle", "pt", "bin", "manifest"))

_FILE_NAME = r"([0-9a-f]{2})/(\1[0-9a-f]{62})\.([a-z]+)"


class Blob(Struct, frozen=True):
    """Bytes on their way into the database.

    `content` is None when the bytes are in the file already and need not be kept
    for it.
    """

    digest: bytes
    size: int
    crc32: int
    file: str | None
    content: Bytes | None


def prepare(database: Database, data: Bytes, format: str, known: bool = False) -> Blob:
    """Hashes the bytes and, if they are many, writes them to their file.

    A file without a row is harmless, so this happens before the transaction. `known`
    says that their file is likely to be there. Raises OSError where it cannot be
    written.
    """
    size = len(data)
    if size <= INLINE_BYTES:
        digest, crc32 = fingerprints(data)
        return Blob(digest, size, crc32, None, bytes(data))
    digest, crc32, there = blobfile.save(
        database.blobs, data, lambda digest: _file_of(digest, format), known
    )
    file = _file_of(digest, format)
    # Where it was there, somebody may remove it before our row is: keep the bytes.
    return Blob(digest, size, crc32, file, data if there else None)


def store(
    connection: sqlite3.Connection, database: Database, blobs: Iterable[Blob]
) -> None:
    """Gives blobs their rows, inside the caller's transaction.

    A row that is there is used, and its file written again if that is gone. Bytes
    that were found wrong, or a file by a name that is not ours, are replaced.
    """
    by_digest: dict[bytes, Blob] = {}
    for blob in blobs:
        by_digest.setdefault(blob.digest, blob)
    rows = {
        digest: (file, quarantined_at)
        for digest, file, quarantined_at in bulk.matching(
            connection,
            "SELECT digest, file, quarantined_at FROM blobs WHERE digest IN",
            list(by_digest),
        )
    }
    bulk.insert(
        connection,
        "INSERT INTO blobs (digest, size, crc32, file, content)",
        [
            (
                blob.digest,
                blob.size,
                blob.crc32,
                blob.file,
                None if blob.file else blob.content,
            )
            for blob in by_digest.values()
            if not _serves(database, blob, rows.get(blob.digest))
        ],
        " ON CONFLICT (digest) DO UPDATE SET"
        " size = excluded.size, crc32 = excluded.crc32, file = excluded.file,"
        " content = excluded.content, quarantined_at = NULL",
    )


def _serves(
    database: Database, blob: Blob, row: tuple[str | None, float | None] | None
) -> bool:
    """Whether the blob's row, if it has one, will do; its file is there afterwards."""
    if row is not None and row[1] is None:
        if row[0] is None:
            return True
        path = path_of(database, blob.digest, row[0])
        if path is not None:
            if not blobfile.is_whole(path, blob.size):
                blobfile.write(database.blobs, row[0], _bytes_of(database, blob))
            return True
    # `content` besides a file means that the file was there before us: where the
    # row was set aside, that file is what was found wrong.
    if blob.file is not None and blob.content is not None:
        path = database.blobs / blob.file
        if row is not None or not blobfile.is_whole(path, blob.size):
            blobfile.write(database.blobs, blob.file, blob.content)
    return False


def read(
    database: Database,
    blob: Blob | StoredItem,
    by_digest: bool = False,
    mapped: bool = False,
) -> Bytes | None:
    """The bytes of a blob, checked; None where its file cannot be opened.

    A file's are checked by their digest if asked to, else by their CRC. `mapped`
    allows for a mapping of it. Raises `Damaged` if they are not those that were
    saved.
    """
    digest, size, crc32 = blob.digest, blob.size, blob.crc32
    if blob.file is not None:
        path = place_of(database, digest, blob.file)
        if path is None:
            raise Damaged(digest)
        return blobfile.load(path, digest, size, None if by_digest else crc32, mapped)
    if blob.content is None:
        raise Damaged(digest)
    blobfile.check(blob.content, digest, size, crc32)
    return blob.content


def prefetch(database: Database, files: Sequence[tuple[bytes, str]]) -> None:
    """Has the system read the files of blobs that are likely to be asked for, each
    told of by digest and name, where it takes hints."""

    def tell() -> None:
        for digest, file in files:
            path = place_of(database, digest, file)
            if path is not None:
                blobfile.prefetch(path)

    if files and blobfile.CAN_PREFETCH:
        # To find a file takes the disk as long as to read a little of it.
        alongside(tell)


def waiting(database: Database, blob: Blob) -> bytes | None:
    """The bytes of a blob that has no row yet; None where its file is gone."""
    content = blob.content
    if content is None and blob.file is not None:
        content = read(database, blob)
    return None if content is None else bytes(content)


def is_our_name(file: str) -> bool:
    """Whether we, and nobody else, give such names to files below `blobs/`."""
    return blobfile.is_partial(file) or re.fullmatch(_FILE_NAME, file) is not None


def is_there(database: Database, digest: bytes, file: str | None, size: int) -> bool:
    """Whether a blob's bytes can be read, as far as their file's size tells."""
    if file is None:
        return True
    path = place_of(database, digest, file)
    return path is not None and blobfile.is_whole(path, size)


def quarantine(connection: sqlite3.Connection, digest: bytes) -> None:
    """Sets wrong bytes aside: kept, and never served."""
    connection.execute(
        "UPDATE blobs SET quarantined_at = ? WHERE digest = ?"
        " AND quarantined_at IS NULL",
        (time.time(), digest),
    )


def remove_unused(
    connection: sqlite3.Connection, digests: Iterable[bytes]
) -> list[tuple[bytes, str]]:
    """Deletes the rows of blobs that no item refers to any more.

    Returns the files they had, for `unlink` once this is committed.
    """
    unused = bulk.matching(
        connection,
        "SELECT digest, file FROM blobs WHERE NOT EXISTS"
        " (SELECT 1 FROM items WHERE items.digest = blobs.digest) AND digest IN",
        list(set(digests)),
    )
    bulk.change(
        connection,
        "DELETE FROM blobs WHERE digest IN",
        [digest for digest, _ in unused],
    )
    return [(digest, file) for digest, file in unused if file is not None]


def unlink(database: Database, files: Iterable[tuple[bytes, str]]) -> None:
    """Removes files whose rows are gone, for good.

    Only after the commit, so that a crash leaves no row without its file; and
    under the write lock, since another process may have given them a row again.
    """
    files = list(files)
    if not files:
        return
    with database.writing() as connection:
        for digest, file in files:
            path = path_of(database, digest, file)
            used = connection.execute(
                "SELECT 1 FROM blobs WHERE digest = ?", (digest,)
            ).fetchone()
            if path is not None and used is None:
                with suppress(OSError):
                    path.unlink()


def path_of(database: Database, digest: bytes, file: object) -> Path | None:
    """Where a blob's file is; None for a name that we would not have given it."""
    place = place_of(database, digest, file)
    return None if place is None else Path(place)


def place_of(database: Database, digest: bytes, file: object) -> str | None:
    """`path_of`, without the path, which takes longer to make than to open."""
    # A row may be a stranger's: only the one name that follows from the digest is
    # believed, whatever else the row says, and of whatever type it is.
    if not isinstance(file, str) or not isinstance(digest, bytes):
        return None
    parts = re.fullmatch(_FILE_NAME, file)
    if parts is None or parts.group(2) != digest.hex() or parts.group(3) not in FORMATS:
        return None
    return f"{database.blobs}{os.sep}{file}"


def _file_of(digest: bytes, format: str) -> str:
    name = digest.hex()
    return f"{name[:2]}/{name}.{format}"


def _bytes_of(database: Database, blob: Blob) -> Bytes:
    if blob.content is not None:
        return blob.content
    assert blob.file is not None
    data = blobfile.read(database.blobs / blob.file)
    if data is None:
        raise FileNotFoundError(database.blobs / blob.file)
    return data
