"""marimo's loaders over marimo's files, and Cellar's over its database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .payloads import marimo_hash

# As marimo calls the cache of whole cells.
CELL_CACHE = "cell_cache"


def loader_in(folder: Path, subject: str, kind: str = "lazy", **policy: Any) -> Any:
    """A subject's loader of a kind, as a process that begins to use it has it.

    `policy` is what marimo's lazy loader knows of signatures: by default it signs
    what it writes with a key of this machine, and checks what it reads.
    """
    from marimo._save.loaders import LazyLoader, PickleLoader
    from marimo._save.loaders.lazy import LazyStore
    from marimo._save.stores import FileStore

    place = folder / subject
    place.mkdir(exist_ok=True)
    if subject == "files":
        store: Any = FileStore(str(place))
        classes: dict[str, Any] = {"lazy": LazyLoader, "pickle": PickleLoader}
    else:
        from marimo_cellar import kernel
        from marimo_cellar.loaders import loader
        from marimo_cellar.session.store import SqliteStore

        # As a kernel has it, with what joining one changes beside the loaders.
        kernel.join_process()
        store = SqliteStore(str(place))
        classes = {"lazy": loader.SqliteLoader, "pickle": loader.SqlitePickleLoader}
    if kind == "lazy":
        store = LazyStore(store)
    return classes[kind](CELL_CACHE, store=store, **policy)


def result_of(number: int, values: dict[str, Any]) -> Any:
    """A result on its way into a loader."""
    from marimo._save.cache import Cache

    return Cache(
        defs=values,
        hash=marimo_hash(number),
        cache_type="Pure",
        stateful_refs=set(),
        hit=False,
        meta={"return": None, "runtime": 0.1},
    )


def hash_key(number: int) -> Any:
    """The key that a loader is asked for a result by."""
    from marimo._save.hash import HashKey

    return HashKey(hash=marimo_hash(number), cache_type="Pure")
