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
import uuid
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path

from marimo_cellar.values.alongside import alongside
from marimo_cellar.values.checksums import (
    ALONGSIDE_BYTES,
    Checksums,
    are_many,
    crc32,
    crc32_in_parts,
    crc32_of,
    fingerprints,
)
from marimo_cellar.values.mounts import is_local

# What stands for bytes: in memory, or a mapping of a file that nobody changes.
Bytes = bytes | mmap.mmap

# Small enough to stay in the processor's cache between its check and its copy.
_PIECE_BYTES = 256 * 1024
# Linux reads no more at a time.
_AT_ONCE = 2**31 - 4096
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

# Whether threads can read the same file, each from a place of its own. Not on Windows.
_CAN_SHARE = hasattr(os, "pread")
# Whether the system takes hints of what will be read.
CAN_PREFETCH = hasattr(os, "posix_fadvise")

_PARTIAL_NAME = r"([0-9a-f]{2}/)?\.partial-[0-9a-f-]{36}"

_mappings: weakref.WeakSet[mmap.mmap] = weakref.WeakSet()


class Damaged(Exception):
    """A blob's bytes are not those that were saved."""

    def __init__(self, digest: bytes) -> None:
        super().__init__(f"blob {digest.hex()} is damaged")
        self.digest = digest


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
    if known or len(data) < ALONGSIDE_BYTES:
        digest, crc = fingerprints(data)
        there = is_whole(folder / name(digest), len(data))
        if not there:
            write(folder, name(digest), data)
        return digest, crc, there
    hashing = alongside(lambda: hashlib.sha256(data).digest())
    try:
        with _partial(folder) as partial:
            with _create(partial) as file:
                _write(file, memoryview(data))
            # To write and to sum take about as long as the digest: with a thread more
            # it took longer on two processors.
            crc = crc32_of(data)
            path = folder / name(hashing())
            if there := is_whole(path, len(data)):
                partial.unlink()
            else:
                _name(partial, path)
    except OSError:
        # On a full disk, what is there already needs no room.
        if not is_whole(folder / name(hashing()), len(data)):
            raise
        crc, there = crc32_of(data), True
    return hashing(), crc, there


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


def prefetch(path: str) -> None:
    """Has the system read a file that is likely to be asked for, if `CAN_PREFETCH`."""
    with suppress(OSError), _open(path) as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_WILLNEED)


def load(
    path: str, digest: bytes, size: int, crc: int | None, mapped: bool
) -> Bytes | None:
    """A blob's bytes from its file, checked; None where that cannot be opened.

    By their digest if there is no `crc`. `mapped` allows for a mapping: private,
    so that a value that is changed in memory never reaches the file. Raises
    `Damaged`, also for what the disk has lost, which shows in failing twice.
    """
    failure: OSError | None = None
    for _ in range(2):
        try:
            return _load(path, digest, size, crc, mapped)
        except OSError as error:
            if error.errno not in _LOST:
                return None
            failure = error
    raise Damaged(digest) from failure


def _load(path: str, digest: bytes, size: int, crc: int | None, mapped: bool) -> Bytes:
    with _open(path) as file:
        if os.fstat(file.fileno()).st_size != size:
            raise Damaged(digest)
        if mapped and size >= MAPPED_BYTES and _may_map(Path(path), file):
            # Not through the mapping: where the disk fails there, the process is
            # killed.
            _check_pieces(file, digest, size, crc)
            with suppress(OSError, ValueError):
                return _map(file, size)
            file.seek(0)
        if crc is not None and are_many(size) and _CAN_SHARE:
            return _read_and_sum(file, digest, size, crc)
        content = _read(file, size)
    check(content, digest, size, crc)
    return content


def _read_and_sum(file: FileIO, digest: bytes, size: int, crc: int) -> bytes:
    """The same, summed by others while it is read: as soon as without, where memory or
    the disk takes longer than the sum."""
    content = b""

    def read() -> Callable[[range], int]:
        nonlocal content
        content = _read(file, size)
        view = memoryview(content)
        return lambda part: crc32(view[part.start : part.stop])

    # The others read it themselves: for them it is in the system's memory by then.
    right = crc == crc32_in_parts(size, lambda part: _crc32_within(file, part), read)
    if not right or len(content) != size:
        raise Damaged(digest)
    return content


def checksums_of(path: Path) -> Checksums:
    """Those of a file, through no link, a piece at a time. Raises OSError."""
    sums = Checksums()
    with _open(path) as file:
        while data := file.read(_PIECE_BYTES):
            sums.add(data)
    return sums


def check(content: Bytes, digest: bytes, size: int, crc: int | None) -> None:
    """Raises `Damaged` for bytes that are not these; by their digest without `crc`."""
    if len(content) == size:
        if crc is None:
            if hashlib.sha256(content).digest() == digest:
                return
        elif crc32_of(content) == crc:
            return
    raise Damaged(digest)


def is_partial(file: str) -> bool:
    """Whether a name below `blobs/` is of a write that has not ended, or was cut off."""
    return re.fullmatch(_PARTIAL_NAME, file) is not None


def is_whole(path: str | Path, size: int) -> bool:
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


def _read(file: FileIO, size: int) -> bytes:
    # Most often in one call, where reading to the end takes three.
    content = file.read(size) if size < _AT_ONCE else b""
    return content if content and len(content) == size else content + file.readall()


def _write(file: FileIO, data: memoryview) -> None:
    # Linux writes 2 GB at a time at most, and a disk that is almost full less.
    while len(data):
        data = data[file.write(data) :]


def _open(path: str | Path) -> FileIO:
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    # Never through a link that somebody put in a blob's place; and for a pipe there,
    # which nobody writes to, one would wait for ever.
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    handle = os.open(path, flags)
    try:
        return FileIO(handle)
    except OSError:
        # Of a folder, say, which Python then leaves open.
        os.close(handle)
        raise


def _check_pieces(file: FileIO, digest: bytes, size: int, crc: int | None) -> None:
    if crc is None:
        sha256, buffer = hashlib.sha256(), memoryview(bytearray(_PIECE_BYTES))
        while count := file.readinto(buffer):
            sha256.update(buffer[:count])
        right = sha256.digest() == digest
    else:
        right = crc == crc32_in_parts(size, lambda part: _crc32_within(file, part))
    if not right:
        raise Damaged(digest)


def _crc32_within(file: FileIO, part: range) -> int:
    """That of a part of a file; of less where the file ends before."""
    crc, place = 0, part.start
    while place < part.stop:
        piece = os.pread(file.fileno(), min(_PIECE_BYTES, part.stop - place), place)
        if not piece:
            break
        crc = crc32(piece, crc)
        place += len(piece)
    return crc


def _map(file: FileIO, size: int) -> mmap.mmap:
    mapping = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_COPY)
    _mappings.add(mapping)
    return mapping


def _may_map(path: Path, file: FileIO) -> bool:
    """Only on a disk of this machine: what a server takes away kills who reads it.

    Not on Windows, where nobody could remove a file while it is mapped.
    """
    return len(_mappings) < _MAPPINGS and is_local(path, os.fstat(file.fileno()).st_dev)
