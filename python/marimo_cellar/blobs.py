"""Bytes under their digest: small ones in their row, large ones in a file.

A file is whole from the moment it has its name: it is written beside it and
renamed. It is not flushed to the disk first. After a power cut its bytes may be
wrong, and then they fail their CRC: a miss, as a file lost would be.
"""

from __future__ import annotations

import hashlib
import os
import re
import sqlite3
import time
import uuid
import zlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from marimo_cellar.database import Database

# Up to this many bytes a blob lies in its row.
INLINE_BYTES = 64 * 1024

FORMATS = frozenset(("arrow", "json", "npy", "pickle", "pt", "bin", "manifest"))

_FILE_NAME = re.compile(r"([0-9a-f]{2})/(\1[0-9a-f]{62})\.([a-z]+)")


# What `_write` calls a file until it is whole.
_PARTIAL_NAME = re.compile(r"[0-9a-f]{2}/\.[0-9a-f]{64}\.[a-z]+\.[0-9a-f]{8}")

# Bytes of a file that are in memory at a time.
_PIECE = 2**20


class Damaged(Exception):
    """A blob's bytes are not those that were saved."""

    def __init__(self, digest: bytes) -> None:
        super().__init__(f"blob {digest.hex()} is damaged")
        self.digest = digest


@dataclass(frozen=True)
class Blob:
    """Bytes on their way into the database.

    `content` is None when the bytes are in the file already and need not be kept
    for it.
    """

    digest: bytes
    size: int
    crc32: int
    file: str | None
    content: bytes | None


def seal(key: str, digest: bytes, size: int) -> int:
    """The CRC-32 that ties an item's key to its blob."""
    return zlib.crc32(key.encode() + digest + size.to_bytes(8, "little"))


def prepare(database: Database, data: bytes, format: str) -> Blob:
    """Hashes the bytes and, if they are many, writes them to their file.

    A file without a row is harmless, so this happens before the transaction.
    Raises OSError where the file cannot be written.
    """
    digest = hashlib.sha256(data).digest()
    crc32, size = zlib.crc32(data), len(data)
    if size <= INLINE_BYTES:
        return Blob(digest, size, crc32, None, bytes(data))
    name = digest.hex()
    file = f"{name[:2]}/{name}.{format}"
    if _is_whole(database.blobs / file, size):
        # Somebody may remove it before our row is there: keep the bytes.
        return Blob(digest, size, crc32, file, data)
    _write(database.blobs / file, data)
    return Blob(digest, size, crc32, file, None)


def store(connection: sqlite3.Connection, database: Database, blob: Blob) -> None:
    """Gives the blob its row, inside the caller's transaction.

    A row that is there is used, and its file written again if that is gone. Bytes
    that were found wrong, or a file by a name that is not ours, are replaced.
    """
    row = connection.execute(
        "SELECT file, quarantined_at FROM blobs WHERE digest = ?", (blob.digest,)
    ).fetchone()
    if row is not None and row[1] is None:
        if row[0] is None:
            return
        path = path_of(database, blob.digest, row[0])
        if path is not None:
            if not _is_whole(path, blob.size):
                _write(path, _bytes_of(database, blob))
            return
    # `content` besides a file means that the file was there before us: where the
    # row was set aside, that file is what was found wrong.
    if blob.file is not None and blob.content is not None:
        path = database.blobs / blob.file
        if row is not None or not _is_whole(path, blob.size):
            _write(path, blob.content)
    connection.execute(
        "INSERT INTO blobs (digest, size, crc32, file, content)"
        " VALUES (?, ?, ?, ?, ?) ON CONFLICT (digest) DO UPDATE SET"
        " size = excluded.size, crc32 = excluded.crc32, file = excluded.file,"
        " content = excluded.content, quarantined_at = NULL",
        (
            blob.digest,
            blob.size,
            blob.crc32,
            blob.file,
            None if blob.file else blob.content,
        ),
    )


def read(
    database: Database,
    digest: bytes,
    size: int,
    crc32: int,
    file: str | None,
    content: bytes | None,
) -> bytes | None:
    """The bytes of a blob's row, checked; None where its file is gone.

    Raises `Damaged` if they are not those that were saved.
    """
    if file is not None:
        path = path_of(database, digest, file)
        if path is None:
            raise Damaged(digest)
        content = read_file(path)
        if content is None:
            return None
    if content is None or len(content) != size or zlib.crc32(content) != crc32:
        raise Damaged(digest)
    return content


def read_file(path: Path) -> bytes | None:
    """A file's bytes; None where there is none, or a link in its place."""
    try:
        descriptor = _open(path)
    except OSError:
        return None
    with open(descriptor, "rb") as file:
        return file.read()


def _open(path: Path) -> int:
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0)
    # Never through a link that somebody put in a blob's place.
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0))


class Checksums:
    """CRC-32 and digest of bytes that come in pieces."""

    def __init__(self) -> None:
        self.crc32 = 0
        self._sha256 = hashlib.sha256()

    def add(self, data: bytes) -> None:
        """Counts the next piece."""
        self.crc32 = zlib.crc32(data, self.crc32)
        self._sha256.update(data)

    @property
    def digest(self) -> bytes:
        """The digest of all pieces so far."""
        return self._sha256.digest()


def checksums_of(path: Path) -> Checksums:
    """Those of a file, through no link, a piece at a time. Raises OSError."""
    sums = Checksums()
    with open(_open(path), "rb", buffering=0) as file:
        while data := file.read(_PIECE):
            sums.add(data)
    return sums


def is_partial(file: str) -> bool:
    """Whether a name below `blobs/` is of a write that has not ended, or was cut off."""
    return _PARTIAL_NAME.fullmatch(file) is not None


def is_our_name(file: str) -> bool:
    """Whether we, and nobody else, give such names to files below `blobs/`."""
    return is_partial(file) or _FILE_NAME.fullmatch(file) is not None


def is_there(database: Database, digest: bytes, file: str | None, size: int) -> bool:
    """Whether a blob's bytes can be read, as far as their file's size tells."""
    if file is None:
        return True
    path = path_of(database, digest, file)
    return path is not None and _is_whole(path, size)


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
    files = []
    for digest in set(digests):
        row = connection.execute(
            "SELECT file FROM blobs WHERE digest = ? AND NOT EXISTS"
            " (SELECT 1 FROM items WHERE items.digest = blobs.digest)",
            (digest,),
        ).fetchone()
        if row is not None:
            connection.execute("DELETE FROM blobs WHERE digest = ?", (digest,))
            if row[0] is not None:
                files.append((digest, row[0]))
    return files


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


def path_of(database: Database, digest: bytes, file: str) -> Path | None:
    """Where a blob's file is; None for a name that we would not have given it."""
    # A row may be a stranger's: only the one name that follows from the digest is
    # believed, whatever else the row says.
    parts = _FILE_NAME.fullmatch(file)
    if parts is None or parts.group(2) != digest.hex() or parts.group(3) not in FORMATS:
        return None
    return database.blobs / file


def _is_whole(path: Path, size: int) -> bool:
    try:
        return os.lstat(path).st_size == size
    except OSError:
        return False


def _bytes_of(database: Database, blob: Blob) -> bytes:
    if blob.content is not None:
        return blob.content
    assert blob.file is not None
    data = read_file(database.blobs / blob.file)
    if data is None:
        raise FileNotFoundError(database.blobs / blob.file)
    return data


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        with open(partial, "xb") as file:
            file.write(data)
        os.replace(partial, path)
    except BaseException:
        with suppress(OSError):
            partial.unlink()
        raise
