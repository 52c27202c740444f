"""Saves in flight: begun on the kernel's thread, finished on others.

marimo joins only the newest loader of each name, and `marimo export` ends the
kernel about 0.1 s after its last cell. So a kernel keeps count of its saves
itself and waits for them when a run ends.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from marimo_cellar import forks


class SavesInFlight:
    """The saves of one kernel, its embedded apps' included."""

    def __init__(self) -> None:
        forks.begins(self)

    def begin_process(self) -> None:
        # Held itself, and never the condition: see `forks.Lock`.
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._under_way: set[SaveInFlight] = set()

    def one(self) -> SaveInFlight:
        """One that is not under way yet."""
        return SaveInFlight(self._lock, self._changed, self._under_way)

    def start(self, save: Callable[[], None]) -> None:
        """Makes a save on a thread of its own."""
        one = self.one()

        def run() -> None:
            try:
                save()
            finally:
                one.done()

        try:
            one.begin()
            # The process waits for it, also where the kernel is one of its daemons.
            threading.Thread(target=run, daemon=False).start()
        except BaseException:
            one.done()
            raise

    def join(self) -> None:
        """Waits until none is under way."""
        with self._lock:
            self._changed.wait_for(lambda: not self._under_way)


class SaveInFlight:
    """One of them. Get it by `SavesInFlight.one`.

    Whoever begins it may be interrupted at any moment, and then does not know whether
    another thread has it by now. So both may say that it is done: a number of them
    would be wrong from then on, and every run wait for ever at its end.
    """

    def __init__(
        self,
        lock: threading.RLock,
        changed: threading.Condition,
        under_way: set[SaveInFlight],
    ) -> None:
        self._lock = lock
        self._changed = changed
        self._under_way = under_way

    def begin(self) -> None:
        """It is under way; `done` must be called for it."""
        with self._lock:
            self._under_way.add(self)

    def done(self) -> None:
        """It has ended, whether it was saved or not; more than once is as once."""
        with self._lock:
            self._under_way.discard(self)
            self._changed.notify_all()
