"""How commands call notebooks."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Mapping

from marimo_cellar.database.apps import IMPORTED, SERVED, UNSAVED
from marimo_cellar.database.database import Database

_COLLECTIONS: Mapping[str, str] = {
    IMPORTED: "imported from files of marimo",
    SERVED: "from kernels that were served",
    UNSAVED: "notebooks without a file",
}


def notebook_name(database: Database, app: str) -> str:
    """A notebook as it is called from the working folder, and so in a command.

    What belongs to no notebook's file is kept under names of its own.
    """
    collection = _COLLECTIONS.get(posixpath.basename(app))
    if collection is not None:
        return collection
    path = os.path.normpath(database.folder / app)
    try:
        near = os.path.relpath(path)
    except ValueError:
        # On another drive of Windows.
        return path
    return path if near.startswith(os.pardir) else near
