"""`python notebook.py`: the cache without a kernel, where the user's settings say so.

A script enters no lifespan. But before its cells run, marimo makes the store that its
configuration names, and finds ours by the entry point `marimo.cache.store`:

    [cache.store]
    type = "sqlite"

On that occasion our loaders take their places, as in a kernel. In a kernel, the
setting means what Cellar does without it.
"""

from __future__ import annotations

from typing import Any

from marimo_cellar.kernel import join_process


def sqlite_store() -> Any:
    """The store `sqlite`. It takes no arguments: `place.py` says where it is.

    Where this marimo cannot be joined, its own default store.
    """
    if not join_process():
        from marimo._save.stores import DEFAULT_STORE

        return DEFAULT_STORE()
    from marimo_cellar.session.store import SqliteStore

    return SqliteStore()
