"""What the user hears of Cellar: each thing once, and never an exception."""

from __future__ import annotations

import logging

from marimo_cellar.forks import Lock

# A child of marimo's logger, so that it is shown where and how marimo shows its
# own warnings, and is silenced with them.
logger = logging.getLogger("marimo.cellar")

_said: set[tuple[str, str]] = set()
_lock = Lock()


def warn_once(subject: str, about: str, message: str) -> None:
    """Warns, unless this `subject` was already heard `about` this path."""
    with _lock.native:
        if (subject, about) in _said:
            return
        _said.add((subject, about))
    # A log is UTF-8, and names of files need not be.
    message = message.encode("utf-8", "backslashreplace").decode()
    logger.warning("Cellar: %s", message)
