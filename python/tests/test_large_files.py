"""A large file is summed by others while it is read, and every byte of it counts."""

from __future__ import annotations

import errno
import hashlib
import random
import threading
import zlib
from io import FileIO
from pathlib import Path

import pytest

from marimo_cellar.values import alongside, blobfile, checksums
from marimo_cellar.values.blobfile import Damaged

SIZE = 9 * 1024 * 1024 + 17
BYTES = random.Random(7).randbytes(SIZE)
DIGEST, CRC = hashlib.sha256(BYTES).digest(), zlib.crc32(BYTES)

pytestmark = pytest.mark.skipif(
    not blobfile._CAN_SHARE, reason="threads cannot share a file here"
)


def on(processors: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine of so many."""
    for module in (alongside, checksums):
        monkeypatch.setattr(module, "processors", lambda: processors)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "blob"
    path.write_bytes(BYTES)
    return path


def load(path: Path) -> object:
    return blobfile.load(str(path), DIGEST, SIZE, CRC, mapped=False)


@pytest.mark.parametrize("processors", [1, 2, 3])
def test_a_large_file_is_read_and_checked(
    file: Path, processors: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    on(processors, monkeypatch)
    assert load(file) == BYTES


@pytest.mark.parametrize("processors", [1, 2, 3])
@pytest.mark.parametrize("place", [0, SIZE // 3, SIZE // 2, SIZE - 1])
def test_one_wrong_bit_anywhere_is_damage(
    file: Path, place: int, processors: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    on(processors, monkeypatch)
    with file.open("r+b") as opened:
        opened.seek(place)
        opened.write(bytes([BYTES[place] ^ 1]))
    with pytest.raises(Damaged):
        load(file)


def test_the_others_may_have_summed_all_before_it_is_read(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on(2, monkeypatch)
    read, within = blobfile._read, blobfile._crc32_within
    summed, done = 0, threading.Event()

    def counting(opened: FileIO, part: range) -> int:
        nonlocal summed
        crc = within(opened, part)
        summed += len(part)
        if summed == SIZE:
            done.set()
        return crc

    def reading_late(opened: FileIO, size: int) -> bytes:
        assert done.wait(60)
        return read(opened, size)

    monkeypatch.setattr(blobfile, "_crc32_within", counting)
    monkeypatch.setattr(blobfile, "_read", reading_late)
    assert load(file) == BYTES


def test_the_reader_sums_what_the_others_leave(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on(2, monkeypatch)
    # Never begins.
    monkeypatch.setattr(alongside, "alongside", lambda work: lambda: None)
    assert load(file) == BYTES


def test_what_the_disk_has_lost_for_one_of_the_others_is_damage(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on(2, monkeypatch)
    read, met = blobfile._read, threading.Event()

    def failing(opened: FileIO, part: range) -> int:
        met.set()
        raise OSError(errno.EIO, "Input/output error")

    def reading_late(opened: FileIO, size: int) -> bytes:
        assert met.wait(60)
        return read(opened, size)

    monkeypatch.setattr(blobfile, "_crc32_within", failing)
    monkeypatch.setattr(blobfile, "_read", reading_late)
    with pytest.raises(Damaged):
        load(file)
