"""Cellar's kernel side: the results of marimo notebook cells, kept in SQLite.

Installed, or on `PYTHONPATH` with its metadata, it joins marimo's kernels by the
entry point `marimo.kernel.lifespan`; there is nothing to import or to set. What a
cell paid for, such as an answer of a model, it may say by `marimo_cellar.cost(0.42)`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from marimo_cellar.loaders.loader import SqliteLoader
    from marimo_cellar.session.spending import cost
    from marimo_cellar.session.store import SqliteStore

__version__ = "0.1.0"
__all__ = ["SqliteLoader", "SqliteStore", "cost"]


def __getattr__(name: str) -> Any:
    # Not at import: these need marimo's private modules, and the entry point must
    # be able to say so when one of them is not as expected.
    if name == "SqliteStore":
        from marimo_cellar.session.store import SqliteStore

        return SqliteStore
    if name == "SqliteLoader":
        from marimo_cellar.loaders.loader import SqliteLoader

        return SqliteLoader
    if name == "cost":
        from marimo_cellar.session.spending import cost

        return cost
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
