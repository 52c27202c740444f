"""What SQLite cannot name: then there is no cache to be made."""

from __future__ import annotations

import os
from pathlib import Path

from marimo_cellar.database.apps import app_path
from marimo_cellar.database.folder import DATABASE_NAME

# `MAX_PATHNAME` in https://www.sqlite.org/src/file/src/os_unix.c, in bytes, links
# resolved, with room for the longest of what it adds to the name of a database.
_LONGEST_PATH = 512 - len("-journal")


def nameless(folder: Path, notebook: Path | None) -> str | None:
    """Why a notebook can have no results in a cache folder, in sentences; None if it
    can. The folder need not be there."""
    path = os.fsencode(os.path.realpath(folder / DATABASE_NAME))
    if os.name == "posix" and len(path) > _LONGEST_PATH:
        return (
            f"the path of {folder} is too long: SQLite takes {_LONGEST_PATH} bytes for "
            f"one of a database, which are {len(path)} here. CELLAR_PATH, or your own "
            "settings, may name a place elsewhere."
        )
    try:
        app_path(folder, notebook).encode()
    except UnicodeEncodeError:
        return (
            f"{notebook} has a name that is not UTF-8, which no row can hold. Under "
            "another name its results can be kept."
        )
    return None
