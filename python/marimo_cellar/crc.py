"""CRC-32 of many bytes, by as many threads as there are processors for them.

It is what loading a large value takes longest for. The CRC of a whole follows from
those of its parts by arithmetic of polynomials over GF(2) modulo the CRC's own, as in
zlib's `crc32_combine`. Bits are reflected: the highest stands for the power 0 of x.
"""

from __future__ import annotations

import os
import threading
import zlib
from collections.abc import Callable
from mmap import mmap

_POLYNOMIAL = 0xEDB88320
_ONE = 1 << 31
_X = 1 << 30
# The least that is worth a thread of its own, and the most threads.
_PART_BYTES = 2 * 1024 * 1024
_MOST_THREADS = 4
# Small enough to stay in the processor's cache between its reading and its check.
_PIECE_BYTES = 256 * 1024


def of_bytes(data: bytes | mmap) -> int:
    """The CRC-32 of bytes in memory, as `zlib.crc32` has it."""
    if len(data) < 2 * _PART_BYTES:
        return zlib.crc32(data)
    with memoryview(data) as view:
        return _in_parts(len(data), lambda start, end: zlib.crc32(view[start:end]))


def of_file(file: int, size: int) -> int:
    """The CRC-32 of the first `size` bytes of an open file, by its descriptor.

    Of another number of bytes where it ends before. Raises OSError. Not on Windows,
    whose Python cannot read but by moving a position that threads share.
    """

    def part(start: int, end: int) -> int:
        crc = 0
        while start < end:
            piece = os.pread(file, min(_PIECE_BYTES, end - start), start)
            if not piece:
                break
            crc = zlib.crc32(piece, crc)
            start += len(piece)
        return crc

    return _in_parts(size, part)


def _in_parts(size: int, part: Callable[[int, int], int]) -> int:
    threads = max(1, min(_processors(), _MOST_THREADS, size // _PART_BYTES))
    ends = [size * (number + 1) // threads for number in range(threads)]
    starts = [0, *ends[:-1]]
    found: list[int | OSError | None] = [None] * threads

    def compute(number: int) -> None:
        try:
            found[number] = part(starts[number], ends[number])
        except OSError as error:
            found[number] = error

    helpers = [
        threading.Thread(target=compute, args=(number,)) for number in range(1, threads)
    ]
    started = 0
    try:
        for helper in helpers:
            helper.start()
            started += 1
    except RuntimeError:
        # The interpreter is ending and starts no more threads.
        pass
    compute(0)
    for number in range(started + 1, threads):
        compute(number)
    for helper in helpers[:started]:
        helper.join()
    whole = 0
    for crc, start, end in zip(found, starts, ends, strict=True):
        if isinstance(crc, OSError):
            raise crc
        assert crc is not None
        whole = combined(whole, crc, end - start)
    return whole


def combined(first: int, second: int, size: int) -> int:
    """The CRC-32 of two texts one after the other, by those of both; `size` is the
    second's, in bytes."""
    return _product(_power_of_x(8 * size), first) ^ second


def _power_of_x(exponent: int) -> int:
    power, square = _ONE, _X
    while exponent:
        if exponent & 1:
            power = _product(square, power)
        square = _product(square, square)
        exponent >>= 1
    return power


def _product(one: int, other: int) -> int:
    product = 0
    while one:
        if one & _ONE:
            product ^= other
        one = (one << 1) & 0xFFFFFFFF
        other = other >> 1 ^ (_POLYNOMIAL if other & 1 else 0)
    return product


def _processors() -> int:
    """Those that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
