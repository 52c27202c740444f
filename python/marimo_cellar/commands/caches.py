"""Which cache a command is about, by what the user names."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from marimo_cellar import _marimo
from marimo_cellar.database import damage, faults
from marimo_cellar.database.apps import IMPORTED
from marimo_cellar.database.database import (
    DATABASE_NAME,
    MARIMO_CACHE,
    Database,
    database_in,
)
from marimo_cellar.database.faults import Unavailable
from marimo_cellar.entries.entries import Owner
from marimo_cellar.entries.roll import Roll
from marimo_cellar.session.stock import StockFiles
from marimo_cellar.settings import place


@dataclass(frozen=True)
class Cache:
    """The cache of the notebooks of a folder.

    `stock` are marimo's own files for them. `nobody` is who owns what no notebook is
    known to have made; what it may use, every notebook of the folder may.
    """

    database: Database
    stock: StockFiles
    nobody: Owner


def cache_of(path: Path) -> Cache:
    """The cache for a notebook, a folder of notebooks, or marimo's cache folder.

    Raises FileNotFoundError where there is nothing of that name.
    """
    if not path.exists():
        raise FileNotFoundError(f"There is no {path}")
    # As the kernel does it, links are left as they are.
    path = Path(os.path.abspath(path))
    if is_marimo_cache(path):
        path = path.parent.parent
    # Any notebook of a folder stands for all of them.
    notebook = path / "notebook.py" if path.is_dir() else path
    return Cache(
        database_in(place.folder_of(notebook)),
        StockFiles(_marimo.cache_folder(notebook)),
        Owner(Roll(notebook.parent / IMPORTED)),
    )


def existing(database: Database) -> Database:
    """The database. Raises FileNotFoundError where there is none yet."""
    if not database.path.is_file():
        raise FileNotFoundError(
            f"Nothing is cached yet: there is no {database.path}. Run a notebook, or "
            "name the one, or the folder, whose cache is meant."
        )
    return database


@contextmanager
def as_found(database: Database) -> Iterator[None]:
    """Meanwhile, a database that SQLite cannot read is left where it is, and named.

    Raises `Unavailable`, which says the way out, for what SQLite raises.
    """
    try:
        with damage.only_looking():
            yield
    except (sqlite3.DatabaseError, Unavailable) as raised:
        error = raised.__cause__ if isinstance(raised, Unavailable) else raised
        if not isinstance(error, sqlite3.DatabaseError) or faults.is_busy(error):
            raise
        way = (
            "`python -m marimo_cellar check --repair` takes what is whole in it into a "
            "new one."
            if faults.is_damage(error)
            else "Is its disk there, and not full?"
        )
        raise Unavailable(f"{database.path} cannot be read ({error}). {way}") from error


def database_of(path: Path) -> Database:
    """The database that is named by its file, or as `cache_of` says."""
    if path.name == DATABASE_NAME:
        return database_in(Path(os.path.abspath(path)).parent)
    return cache_of(path).database


def is_marimo_cache(folder: Path) -> bool:
    """Whether this is where marimo keeps the cache of the notebooks beside it."""
    return folder.parts[-2:] == MARIMO_CACHE
