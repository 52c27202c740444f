"""Values whose manifest has not come yet: without it they are no entry.

`src/endpoint/Parts.ts` does the same for kernels that are served.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import TypeAlias

from marimo_cellar.session.entry_stores import EntryWriter

# Cache name and hash.
Part: TypeAlias = "tuple[str, str]"

# Seconds without a further value after which nobody waits any more.
_PATIENCE = 3600.0
# Bytes beyond which those are given up that waited longest, unless a value of them came
# within so many seconds: who makes an entry sends one after the other.
_LIMIT = 2**30
_GRACE = 600.0


class Parts:
    """By their entries. For one thread at a time."""

    def __init__(self) -> None:
        # With the time of the last value; those that waited longest first.
        self._waiting: dict[Part, tuple[EntryWriter, float]] = {}

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def writer_of(self, part: Part, make: Callable[[], EntryWriter]) -> EntryWriter:
        """The one that takes a value that has come."""
        writer = self.take(part) or make()
        self._waiting[part] = writer, monotonic()
        return writer

    def take(self, part: Part) -> EntryWriter | None:
        """Hands over the one of an entry, which is waited for no more."""
        found = self._waiting.pop(part, None)
        return found[0] if found is not None else None

    def take_old(self) -> list[EntryWriter]:
        """Hands over those that are waited for in vain, to be discarded."""
        now = monotonic()
        held = sum(writer.size for writer, _ in self._waiting.values())
        old = []
        for part, (writer, came) in list(self._waiting.items()):
            if now - came < (_GRACE if held > _LIMIT else _PATIENCE):
                break
            held -= writer.size
            old.append(writer)
            del self._waiting[part]
        return old

    def pending(self, key: str) -> bytes | None:
        """The bytes of a key."""
        for writer, _ in self._waiting.values():
            if (data := writer.pending(key)) is not None:
                return data
        return None

    def clear(self, key: str) -> bool:
        """Removes a value; whether it was there."""
        return any(writer.clear(key) for writer, _ in self._waiting.values())
