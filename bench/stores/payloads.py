"""Bytes to keep: as they come, no two equal, and the same for every subject."""

from __future__ import annotations

import base64
import hashlib
import os
from functools import cache

SIZES = {
    "100B": 100,
    "1kB": 1_000,
    "10kB": 10_000,
    "100kB": 100_000,
    "1MB": 1_000_000,
    "10MB": 10_000_000,
    "100MB": 100_000_000,
    "1GB": 1_000_000_000,
}


@cache
def _noise(size: int) -> bytes:
    # Compressing would help nobody: results that are worth keeping seldom compress.
    return os.urandom(size)


def payload(size: int, number: int) -> bytes:
    """The bytes of a number: equal for equal arguments within one process."""
    mark = hashlib.sha256(number.to_bytes(8, "little", signed=True)).digest()
    return (mark + _noise(size)[len(mark) :])[:size]


def marimo_hash(number: int) -> str:
    """A hash as marimo names results by."""
    digest = hashlib.sha256(b"%d" % number).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
