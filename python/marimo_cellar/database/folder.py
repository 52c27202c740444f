"""The folder that a database and its blobs are in."""

from __future__ import annotations

import os
from pathlib import Path

DATABASE_NAME = "cache.db"
BLOBS_NAME = "blobs"
# The end of the path of marimo's own cache folders.
MARIMO_CACHE = ("__marimo__", "cache")

_GITIGNORE = "# Written by Cellar: a cache, made anew by running the notebooks.\n*\n"
# https://bford.info/cachedir/: back-up tools leave out folders that hold this.
_CACHEDIR_TAG = (
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# This folder is a cache of marimo notebooks' results.\n"
)


def prepare(folder: Path) -> None:
    """Makes the folder, and keeps a cache out of Git and of backups.

    Raises OSError where nothing can be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if not _is_a_cache_alone(folder):
        return
    for name, text in ((".gitignore", _GITIGNORE), ("CACHEDIR.TAG", _CACHEDIR_TAG)):
        if not (folder / name).exists():
            (folder / name).write_text(text, encoding="utf-8")


def _is_a_cache_alone(folder: Path) -> bool:
    """Whether nothing but a cache is here, which may be ignored as a whole.

    A folder that the user chose may hold their work: that must not vanish from
    Git and from backups.
    """
    if folder.parts[-2:] == MARIMO_CACHE:
        return True
    ours = {BLOBS_NAME, ".gitignore", "CACHEDIR.TAG"}
    return all(
        name in ours or name.startswith(DATABASE_NAME) for name in os.listdir(folder)
    )
