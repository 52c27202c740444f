"""Entries that were found, as plain data: what answers a lookup, and its values."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct


class StoredItem(Struct, frozen=True):
    """An item with what its blob's row says of the bytes."""

    key: str
    format: str
    digest: bytes
    seal: int
    size: int
    crc32: int
    file: str | None
    content: bytes | None


class Found(Struct, frozen=True):
    """An entry that answers a lookup. `own` is False for another cell's.

    `items` are its items as they were when it was found, if they were looked at.
    """

    entry_id: int
    cell_id: int
    own: bool
    created_at: float
    items: Sequence[StoredItem] | None = None

    @property
    def bytes_held(self) -> int:
        """What its values take in memory."""
        return sum(len(item.content or b"") for item in self.items or ())
