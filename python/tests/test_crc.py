"""CRC-32 by several threads is zlib's."""

from __future__ import annotations

import os
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marimo_cellar import crc


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_the_crc_of_a_whole_follows_from_those_of_its_parts(
    one: bytes, other: bytes
) -> None:
    whole = crc.combined(zlib.crc32(one), zlib.crc32(other), len(other))
    assert whole == zlib.crc32(one + other)


@pytest.mark.parametrize("processors", [1, 2, 3, 64])
@pytest.mark.parametrize("size", [0, 1, 999, 1000, 4001, 10_007])
def test_many_threads_find_what_one_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processors: int, size: int
) -> None:
    monkeypatch.setattr(crc, "_PART_BYTES", 500)
    monkeypatch.setattr(crc, "_PIECE_BYTES", 64)
    monkeypatch.setattr(crc, "_processors", lambda: processors)
    data = os.urandom(size)
    assert crc.of_bytes(data) == zlib.crc32(data)
    if hasattr(os, "pread"):
        (tmp_path / "file").write_bytes(data)
        file = os.open(tmp_path / "file", os.O_RDONLY)
        assert crc.of_file(file, size) == zlib.crc32(data)
        os.close(file)
        with pytest.raises(OSError):
            crc.of_file(file, size or 1)
