"""How far a command has come, on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable


class Progress:
    """Says `{what}: 3 of 8`, often on a terminal and seldom into a file.

    `told` says the numbers, where they are of bytes.
    """

    def __init__(
        self, what: str, total: int, told: Callable[[int], str] = "{:,}".format
    ) -> None:
        self._what = what
        self._told = told
        self._total = total
        self._done = 0
        self._live = sys.stderr.isatty()
        self._pause = 0.1 if self._live else 10.0
        self._said_at = time.monotonic()

    def step(self) -> None:
        """One more is done."""
        self.at(self._done + 1, self._total)

    def at(self, done: int, total: int) -> None:
        """So many of so many are done."""
        if (done, total) == (self._done, self._total):
            # Such as of bytes, where what was done has none.
            return
        self._done, self._total = done, total
        now = time.monotonic()
        if self._done == self._total or now - self._said_at >= self._pause:
            self._said_at = now
            last = not self._live or self._done == self._total
            print(
                f"{self._what}: {self._told(self._done)} of {self._told(self._total)}",
                end="\n" if last else "\r",
                file=sys.stderr,
                flush=True,
            )
