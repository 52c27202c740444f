"""Apps by their rows: what the path of one says, and where its entries were made."""

from __future__ import annotations

import json
import os
import posixpath
from functools import lru_cache
from pathlib import Path

# The name of the row that holds what no cell saved: a scratch pad, or a store
# used outside any notebook. No cell can be called that.
OUTSIDE = "(outside any cell)"

# Stands for the path of a notebook that has no file yet.
UNSAVED = "unsaved"

# Stands for the notebook, in a folder, that imported entries belong to.
IMPORTED = "imported"

# And the one that VS Code saves for, where it serves kernels without this package.
SERVED = "served"


def app_path(folder: Path, path: Path | None) -> str:
    """The notebook's path as its row has it: relative to `folder`, the database's."""
    return UNSAVED if path is None else _relative(path, folder)


@lru_cache(maxsize=256)
def _relative(path: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:
        # Another drive of Windows, to which no relative path leads.
        return path.as_posix()


@lru_cache(maxsize=256)
def folder_of(app: str) -> str:
    """The folder of a notebook, by its row's path; equal for those in one folder.

    One without a file is where it would be saved in marimo's own cache folder.
    """
    return "../.." if app == UNSAVED else posixpath.dirname(app)


def imported_app(app: str) -> str:
    """The path of the row that what was imported in an app's folder belongs to."""
    return posixpath.join(folder_of(app), IMPORTED)


def made_in(app: str, versions: str) -> str:
    """The folder that an entry of an app was made in."""
    if '"folder"' in versions:
        folder = versions_in(versions).get("folder")
        if isinstance(folder, str):
            return folder
    return folder_of(app)


def versions_in(versions: object) -> dict[str, object]:
    """What an entry stands on, of its row; nothing where that cannot be right."""
    try:
        read = json.loads(str(versions))
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}
