"""Saves in flight: begun on the kernel's thread, finished on others.

marimo joins only the newest loader of each name, and `marimo export` ends the
kernel about 0.1 s after its last cell. So a kernel keeps count of its saves
itself and waits for them when a run ends.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable


class SavesInFlight:
    """The saves of one kernel, its embedded apps' included."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._count = 0
        self._process = os.getpid()

    def begin(self) -> None:
        """One more is under way; `done` must be called for it."""
        with self._changed:
            self._count += 1

    def done(self) -> None:
        """One has ended, whether it was saved or not."""
        with self._changed:
            self._count -= 1
            self._changed.notify_all()

    def start(self, save: Callable[[], None]) -> None:
        """Makes a save on a thread of its own."""

        def run() -> None:
            try:
                save()
            finally:
                self.done()

        self.begin()
        try:
            # The process waits for it, also where the kernel is one of its daemons.
            threading.Thread(target=run, daemon=False).start()
        except BaseException:
            self.done()
            raise

    def join(self) -> None:
        """Waits until none is under way.

        The threads of a forked process' parent are none of the child's.
        """
        if self._process != os.getpid():
            return
        with self._changed:
            self._changed.wait_for(lambda: self._count == 0)
