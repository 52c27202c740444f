"""SHA-256 and CRC-32 of bytes, as quickly as this Python has them.

The CRC-32 is zlib's. `isal` and `zlib-ng` compute the same one several times as fast
by instructions that processors have for it; where one of them is installed
(`marimo-cellar[fast]`) it is used for what is large. The CRC of megabytes is computed
in parts on a few threads.
"""

from __future__ import annotations

import hashlib
import mmap
import zlib
from collections.abc import Callable
from functools import lru_cache

from marimo_cellar.values.alongside import alongside, each, processors

Data = bytes | mmap.mmap | memoryview

# From here on a faster library is looked for: its import takes milliseconds.
_LARGE_BYTES = 64 * 1024
# From here on a thread that hashes while another one works is worth starting.
ALONGSIDE_BYTES = 768 * 1024
# From here on a CRC is computed in parts, on a few threads.
_MANY_BYTES = 4 * 1024 * 1024
# Parts are multiples of this, so that few powers of x are needed to join them.
_UNIT = 256 * 1024
# So many parts where somebody comes later, and the most that one has then.
_SHARES, _LARGEST_SHARE = 16, 16 * 1024 * 1024
_MODULES = (("isal", "isal_zlib"), ("zlib_ng", "zlib_ng"))
# CRC-32's polynomial without its first bit, and the polynomials 1 and x, with the
# power 0 of x in the highest bit.
_POLYNOMIAL, _ONE, _X = 0xEDB88320, 1 << 31, 1 << 30

Crc32 = Callable[[Data, int], int]


class Checksums:
    """CRC-32 and digest of bytes that come in pieces."""

    def __init__(self) -> None:
        self.crc32 = 0
        self._sha256 = hashlib.sha256()

    def add(self, data: Data) -> None:
        """Counts the next piece."""
        self.crc32 = crc32(data, self.crc32)
        self._sha256.update(data)

    @property
    def digest(self) -> bytes:
        """The digest of all pieces so far."""
        return self._sha256.digest()


def fingerprints(data: Data) -> tuple[bytes, int]:
    """SHA-256 and CRC-32."""
    if len(data) < ALONGSIDE_BYTES:
        return hashlib.sha256(data).digest(), crc32(data)
    digest = alongside(lambda: hashlib.sha256(data).digest())
    crc = crc32(data)
    return digest(), crc


def seal(key: str, digest: bytes, size: int) -> int:
    """The CRC-32 that ties an item's key to its blob."""
    return zlib.crc32(key.encode() + digest + size.to_bytes(8, "little"))


def crc32(data: Data, before: int = 0) -> int:
    """zlib's `crc32`: of bytes that follow others, whose CRC-32 is `before`."""
    if len(data) < _LARGE_BYTES:
        return zlib.crc32(data, before)
    return _library()[1](data, before)


def crc32_of(data: Data) -> int:
    """The CRC-32 of bytes that may be many."""
    if not are_many(len(data)):
        return crc32(data)
    view = memoryview(data)
    return crc32_in_parts(len(view), lambda part: crc32(view[part.start : part.stop]))


def are_many(size: int) -> bool:
    """Whether so many bytes are worth a thread for their CRC."""
    return size >= _MANY_BYTES and processors() > 1


def crc32_in_parts(
    size: int,
    crc32_of_part: Callable[[range], int],
    mine: Callable[[], Callable[[range], int]] | None = None,
) -> int:
    """The CRC-32 of so many bytes from those of their parts, a few at once.

    `mine` is as for `each`: what the caller has to do first, and its own way to a
    part's CRC. Parts are small then, so that it takes what the others have left.
    """
    if not are_many(size):
        parts = [range(size)]
    elif mine is None:
        parts = _parts(size, size // processors())
    else:
        parts = _parts(size, min(size // _SHARES, _LARGEST_SHARE))
    crc, *others = each(crc32_of_part, parts, mine)
    for part, other in zip(parts[1:], others, strict=True):
        crc = joined(crc, other, len(part))
    return crc


def _parts(size: int, length: int) -> list[range]:
    """Of a length of some units, but for the first, which has the rest besides."""
    length = length // _UNIT * _UNIT
    first = size % length + length
    return [
        range(first),
        *(range(start, start + length) for start in range(first, size, length)),
    ]


def joined(first: int, second: int, length: int) -> int:
    """The CRC-32 of bytes from those of two parts; `length` is the second's.

    To append bytes multiplies a CRC by a power of x, as zlib's `crc32_combine` does.
    """
    return _times(_power(length), first) ^ second


def library() -> str:
    """What the CRC-32 of large bytes is computed by: `isal`, `zlib_ng` or `zlib`."""
    return _library()[0]


@lru_cache(maxsize=1)
def _library() -> tuple[str, Crc32]:
    from importlib import import_module

    for package, module in _MODULES:
        try:
            found: Crc32 = import_module(f"{package}.{module}").crc32
            # Another build, or another package of that name, is not believed.
            if found(b"123456789" * 999, 0) == zlib.crc32(b"123456789" * 999):
                return package, found
        except Exception:
            continue
    return "zlib", zlib.crc32


@lru_cache(maxsize=64)
def _power(length: int) -> int:
    """x to the power of as many bits as so many bytes have."""
    power, square = _ONE, _times(_times(_X, _X), _times(_X, _X))
    square = _times(square, square)
    while length:
        if length & 1:
            power = _times(power, square)
        square = _times(square, square)
        length >>= 1
    return power


def _times(one: int, other: int) -> int:
    """The product of two polynomials over GF(2), modulo CRC-32's."""
    product = 0
    for bit in range(31, -1, -1):
        if one >> bit & 1:
            product ^= other
        other = other >> 1 ^ _POLYNOMIAL * (other & 1)
    return product
