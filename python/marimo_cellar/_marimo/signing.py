"""The machine's own key to sign with, which marimo makes where there is none.

Two kernels that find none at once make two, of which the later one stays: what the
other kernel saves in its first run is then signed by a key that nobody has any more,
and is computed again.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

# Seconds to wait for another kernel that makes the key, which takes it milliseconds,
# and between two looks.
_PATIENCE = 5.0
_PAUSE = 0.01


@contextmanager
def making_one_key() -> Iterator[None]:
    """One kernel after another while the machine has no key: those that wait find the
    one that the first of them makes. As far as the system has such locks."""
    lock = _locked()
    try:
        yield
    finally:
        if lock is not None:
            os.close(lock)


def _locked() -> int | None:
    """A handle with the lock; None where there is nothing to wait for, or no lock."""
    if fcntl is None:
        return None
    with suppress(ImportError, OSError):
        from marimo._utils.xdg import marimo_state_dir

        folder = marimo_state_dir()
        if (folder / "cache_signing_key.pem").exists():
            return None
        folder.mkdir(parents=True, exist_ok=True)
        # The folder itself: a file for it would have to stay.
        lock = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _wait_for(lock)
        except BaseException:
            os.close(lock)
            raise
        return lock
    return None


def _wait_for(lock: int) -> None:
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > until:
                return
            time.sleep(_PAUSE)
