"""What workers told of their work, and what may be there by that."""

from __future__ import annotations

from collections.abc import Iterator


class Ledger:
    """What may be there of each key, by what the workers told."""

    def __init__(self) -> None:
        self._certain: dict[str, int | None] = {}
        self._begun: dict[str, list[int | None]] = {}
        self.acknowledged = 0

    def note(self, line: str) -> None:
        """A line of a worker: what it does or did, the key, the version."""
        what, key, text = line.split()
        version = int(text) or None
        if what in ("saving", "clearing"):
            self._begun.setdefault(key, []).append(version)
        else:
            self._certain[key] = version
            self._begun.pop(key, None)
            self.acknowledged += 1

    def __iter__(self) -> Iterator[str]:
        """The keys that were ever worked on."""
        yield from sorted(self._certain.keys() | self._begun.keys())

    def fault(self, key: str, found: int | None) -> str | None:
        """What is wrong with what was found, if it is."""
        allowed = [self._certain.get(key), *self._begun.get(key, [])]
        if found in allowed:
            return None
        return f"{key}: version {found} is there, and not one of {allowed}"

    def is_certain(self, key: str) -> bool:
        """Whether it was told to be saved, and nothing was begun since."""
        return self._certain.get(key) is not None and not self._begun.get(key)
