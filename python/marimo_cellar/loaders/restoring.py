"""Restoring: what marimo makes of an entry's bytes.

A load gets a store of its own that holds the entry's bytes, all there and checked. So
two cells, or two notebooks in one process, with the same hash never meet each other's
bytes.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, ClassVar

from marimo_cellar import _marimo
from marimo_cellar.database.database import Database
from marimo_cellar.entries import keys
from marimo_cellar.entries.contents import Loaded
from marimo_cellar.loaders.in_database import InDatabase
from marimo_cellar.session.entry_stores import EntryReader

if TYPE_CHECKING:
    from typing_extensions import Self

# The names that the block or function being looked up must restore, while marimo
# asks. It checks them only after loading, with an error that breaks the cell.
names_wanted: ContextVar[frozenset[str] | None] = ContextVar(
    "names_wanted", default=None
)


class Restoring(InDatabase):
    """A loader that restores entries which somebody else found."""

    _kinds: ClassVar[dict[str, type[Restoring]]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "_kind" in vars(cls):
            Restoring._kinds.setdefault(cls._kind, cls)

    def restored(
        self,
        database: Database,
        key: _marimo.HashKey,
        loaded: Loaded,
        glbls: dict[str, Any] | None,
    ) -> tuple[_marimo.Cache | None, str | None]:
        """What marimo makes of an entry's bytes, or why it makes nothing of them."""
        why = self._unfit(key, loaded)
        if why is not None:
            return None, why
        view = self._view()
        view.store = self._through(EntryReader(database.folder, loaded))
        try:
            cache = super(Restoring, view).load_cache(key, glbls)
        except _marimo.LoaderError as error:
            return None, str(error)
        except Exception as error:
            if self._must_raise(error):
                raise
            return None, f"it could not be restored ({error})"
        if cache is None:
            return None, view._declined(key, loaded)
        if cache.hash != key.hash:
            return None, "it holds another result"
        wanted = names_wanted.get()
        if wanted is not None and wanted != set(cache.defs):
            return None, "it holds other names"
        return cache, None

    def _unfit(self, key: _marimo.HashKey, loaded: Loaded) -> str | None:
        """Why marimo should not even see the entry."""
        if keys.key_of(self._entry(key)) not in loaded.contents:
            return "it is not whole"
        return None

    def _declined(self, key: _marimo.HashKey, loaded: Loaded) -> str:
        """Why marimo made nothing of an entry that it saw."""
        return "marimo did not accept it"

    def _must_raise(self, error: Exception) -> bool:
        """Whether the error is the user's own wish, not a fault of the cache."""
        return False

    def of_kind(self, kind: str) -> Restoring:
        """A loader of another kind, `lazy`, `pickle` or `json`, of the same cache."""
        return _marimo.unlisted(self._kinds[kind], self.name, self.store)

    def _view(self) -> Self:
        """This loader once more, for one entry, with a store that holds that alone."""
        # As `copy.copy` does, which takes longer than to find the entry.
        view = object.__new__(type(self))
        vars(view).update(vars(self))
        return view

    def _through(self, store: _marimo.Store) -> _marimo.Store:
        """What marimo is to read or write an entry's bytes through."""
        return store
