"""Blob files: written in pieces and hashed on the way, read or mapped once checked.

A file is whole from the moment it has its name: it is written beside it and
renamed. It is not flushed to the disk first. After a power cut its bytes may be
wrong, and then they fail their check: a miss, as a file lost would be.
"""

from __future__ import annotations

import errno
import hashlib
import mmap
import os
import re
import threading
import uuid
import weakref
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path

from marimo_cellar.mounts import is_local

# What stands for bytes: in memory, or a mapping of a file that nobody changes.
Bytes = bytes | mmap.mmap

# Small enough to stay in the processor's cache between its check and its copy.
_PIECE_BYTES = 256 * 1024
# From here on a thread that hashes while another writes is worth starting.
_ALONGSIDE_BYTES = 1024 * 1024
# From here on mapping costs less than copying: below, page faults cost more.
MAPPED_BYTES = 1024 * 1024
# Python keeps a descriptor open for each mapping, and a process has 1,024 or fewer.
_MAPPINGS = 200
# What a disk answers for bytes that it has lost.
_LOST = frozenset(
    getattr(errno, name)
    for name in ("EIO", "EBADMSG", "EUCLEAN")
    if hasattr(errno, name)
)

_PARTIAL_NAME = re.compile(r"([0-9a-f]{2}/)?\.partial-[0-9a-f-]{36}")

_mappings: weakref.WeakSet[mmap.mmap] = weakref.WeakSet()


class Damaged(Exception):
    """A blob's bytes are not those that were saved."""

    def __init__(self, digest: bytes) -> None:
        super().__init__(f"blob {digest.hex()} is damaged")
        self.digest = digest


def fingerprints(data: Bytes) -> tuple[bytes, int]:
    """SHA-256 and CRC-32."""
    if len(data) < _ALONGSIDE_BYTES:
        return hashlib.sha256(data).digest(), zlib.crc32(data)
    digest = _alongside(lambda: hashlib.sha256(data).digest())
    crc32 = zlib.crc32(data)
    return digest(), crc32


def write(folder: Path, name: str, data: Bytes) -> None:
    """Writes a file below `folder`, whole or not at all. Raises OSError."""
    path = folder / name
    # In the folder that it stays in: to make a file in one and move it into another
    # takes a file system twice as long.
    with _partial(path.parent) as partial:
        with _create(partial) as file:
            _write(file, memoryview(data))
        os.replace(partial, path)


def save(
    folder: Path, data: Bytes, name: Callable[[bytes], str], known: bool = False
) -> tuple[bytes, int, bool]:
    """Writes bytes to the file below `folder` that `name` gives for their digest.

    Returns digest, CRC-32, and whether there was such a file already, which is left
    as it is. Hashing takes as long as writing, so for many bytes both go on at once
    and the name is known only in the end, unless the file is likely to be there:
    `known`. Raises OSError.
    """
    if known or len(data) < _ALONGSIDE_BYTES:
        digest, crc32 = fingerprints(data)
        there = is_whole(folder / name(digest), len(data))
        if not there:
            write(folder, name(digest), data)
        return digest, crc32, there
    hashing = _alongside(lambda: hashlib.sha256(data).digest())
    crc32, rest = 0, memoryview(data)
    try:
        with _partial(folder) as partial:
            with _create(partial) as file:
                while len(rest):
                    piece, rest = rest[:_PIECE_BYTES], rest[_PIECE_BYTES:]
                    crc32 = zlib.crc32(piece, crc32)
                    _write(file, piece)
            path = folder / name(hashing())
            if there := is_whole(path, len(data)):
                partial.unlink()
            else:
                _name(partial, path)
    except OSError:
        # On a full disk, what is there already needs no room.
        if not is_whole(folder / name(hashing()), len(data)):
            raise
        crc32, there = zlib.crc32(data), True
    return hashing(), crc32, there


def read(path: Path) -> bytes | None:
    """A file's bytes; None where there is none, or a link in its place.

    Raises OSError where it is there and cannot be read.
    """
    try:
        file = _open(path)
    except OSError:
        return None
    with file:
        return file.read()


def load(
    path: Path, digest: bytes, size: int, crc32: int | None, mapped: bool
) -> Bytes | None:
    """A blob's bytes from its file, checked; None where that cannot be opened.

    By their digest if there is no `crc32`. `mapped` allows for a mapping: private,
    so that a value that is changed in memory never reaches the file. Raises
    `Damaged`, also for what the disk has lost, which shows in failing twice.
    """
    failure: OSError | None = None
    for _ in range(2):
        try:
            return _load(path, digest, size, crc32, mapped)
        except OSError as error:
            if error.errno not in _LOST:
                return None
            failure = error
    raise Damaged(digest) from failure


def _load(
    path: Path, digest: bytes, size: int, crc32: int | None, mapped: bool
) -> Bytes:
    with _open(path) as file:
        if os.fstat(file.fileno()).st_size != size:
            raise Damaged(digest)
        if mapped and size >= MAPPED_BYTES and _may_map(path, file):
            # Not through the mapping: where the disk fails there, the process is
            # killed.
            _check_pieces(file, digest, crc32)
            with suppress(OSError, ValueError):
                return _map(file, size)
            file.seek(0)
        content = file.read()
    check(content, digest, size, crc32)
    return content


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
    with _open(path) as file:
        while data := file.read(_PIECE_BYTES):
            sums.add(data)
    return sums


def check(content: Bytes, digest: bytes, size: int, crc32: int | None) -> None:
    """Raises `Damaged` for bytes that are not these; by their digest without
    `crc32`."""
    if len(content) == size:
        if crc32 is None:
            if hashlib.sha256(content).digest() == digest:
                return
        elif zlib.crc32(content) == crc32:
            return
    raise Damaged(digest)


def is_partial(file: str) -> bool:
    """Whether a name below `blobs/` is of a write that has not ended, or was cut off."""
    return _PARTIAL_NAME.fullmatch(file) is not None


def is_whole(path: Path, size: int) -> bool:
    """Whether there is a file of that size, which is all that is looked at."""
    try:
        return os.lstat(path).st_size == size
    except OSError:
        return False


@contextmanager
def _partial(folder: Path) -> Iterator[Path]:
    """Where a file is written until it has its name. Nothing stays there.

    The extension has the same name for it, by which no blob can be called.
    """
    partial = folder / f".partial-{uuid.uuid4()}"
    try:
        yield partial
    except BaseException:
        with suppress(OSError):
            partial.unlink()
        raise


def _name(partial: Path, path: Path) -> None:
    try:
        os.replace(partial, path)
    except FileNotFoundError:
        path.parent.mkdir(exist_ok=True)
        os.replace(partial, path)


def _create(partial: Path) -> FileIO:
    try:
        return FileIO(partial, "xb")
    except FileNotFoundError:
        partial.parent.mkdir(parents=True, exist_ok=True)
        return FileIO(partial, "xb")


def _write(file: FileIO, data: memoryview) -> None:
    # Linux writes 2 GB at a time at most, and a disk that is almost full less.
    while len(data):
        data = data[file.write(data) :]


def _open(path: Path) -> FileIO:
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    # Never through a link that somebody put in a blob's place.
    flags |= getattr(os, "O_NOFOLLOW", 0)
    return FileIO(os.open(path, flags))


def _check_pieces(file: FileIO, digest: bytes, crc32: int | None) -> None:
    sha256, crc, buffer = hashlib.sha256(), 0, memoryview(bytearray(_PIECE_BYTES))
    while count := file.readinto(buffer):
        if crc32 is None:
            sha256.update(buffer[:count])
        else:
            crc = zlib.crc32(buffer[:count], crc)
    if (sha256.digest() != digest) if crc32 is None else (crc != crc32):
        raise Damaged(digest)


def _map(file: FileIO, size: int) -> mmap.mmap:
    mapping = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_COPY)
    _mappings.add(mapping)
    return mapping


def _may_map(path: Path, file: FileIO) -> bool:
    """Only on a disk of this machine: what a server takes away kills who reads it.

    Not on Windows, where nobody could remove a file while it is mapped.
    """
    return len(_mappings) < _MAPPINGS and is_local(path, os.fstat(file.fileno()).st_dev)


def _alongside(work: Callable[[], bytes]) -> Callable[[], bytes]:
    """Begins a piece of work on a thread; its result, waited for, by a call."""
    results: list[bytes] = []
    thread = threading.Thread(target=lambda: results.append(work()))
    try:
        thread.start()
    except RuntimeError:
        # The interpreter is ending and starts no more threads.
        results.append(work())
        return lambda: results[0]

    def result() -> bytes:
        thread.join()
        return results[0]

    return result
