"""SqliteLoader and its kin: marimo's loaders over rows.

What a value becomes, and whether an entry is to be believed, stays marimo's
business, but for what would come back as another value (`values/kinds.py`): each
class here is marimo's loader of that name.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from marimo_cellar import _marimo
from marimo_cellar.entries import keys, made
from marimo_cellar.entries.contents import Loaded
from marimo_cellar.loaders.handover import handing_over
from marimo_cellar.loaders.restoring import names_wanted
from marimo_cellar.loaders.rows import OverRows
from marimo_cellar.session import running
from marimo_cellar.session.entry_stores import EntryReader
from marimo_cellar.session.store import SqliteStore
from marimo_cellar.values import manifests
from marimo_cellar.values.batches import in_batches
from marimo_cellar.values.kinds import keeping_kinds
from marimo_cellar.values.little import are_little

# Restored on the kernel's thread, one blob after the other, up to so many bytes.
_LITTLE_BYTES = 256 * 1024


class SqliteLoader(OverRows, _marimo.LazyLoader):
    """marimo's `lazy` loader, which `cache_cells` uses, over a `SqliteStore`."""

    _kind = "lazy"
    # Of the view that saves: whether it does so at once.
    _at_once = False
    # Of the view that restores: the variables of its entry.
    _names: frozenset[str] = frozenset()
    # And what came in the way of one of them, in a few words.
    _trouble: str | None = None

    def _own_store(self) -> _marimo.Store | None:
        # Wrapped, as marimo's own is, so that it knows which keys a run used. And
        # always given: without one marimo takes another loader's by its name.
        session = self._belonging.session
        if session is not None:
            return session.lazy_store
        return _marimo.LazyStore(SqliteStore())

    def _through(self, store: _marimo.Store) -> _marimo.Store:
        return _marimo.noting_keys(store, self.store)

    def _save(self, cache: _marimo.Cache) -> bool:
        # Dispatched: the writer is finished where the last byte is written.
        with suppress(Exception):
            self._at_once = are_little((*cache.defs.values(), cache.meta.get("return")))
        with keeping_kinds():
            return _marimo.LazyLoader.save_cache(self, cache)

    def _dispatch_write(self, write_fn: Callable[[], None]) -> None:
        writer = self._writer
        if writer is None:
            return super()._dispatch_write(write_fn)

        one = self.saves.one()
        scope = _marimo.current_globals()
        writer.keeps_newest = _marimo.verification(self) != "off"

        def ended() -> None:
            running.note_unsaved(self._saving, writer.last)
            if writer.lacked_room:
                running.note_full(self._saving)
            one.done()

        def write(most: int, here: bool) -> None:
            queued = False
            try:
                with (
                    in_batches(),
                    handing_over(writer),
                    _marimo.saving_for(scope),
                    _marimo.unheard(),
                ):
                    write_fn()
                if manifests.lacks_output(writer.last):
                    # marimo would show what stands for it.
                    running.note_unpicklable(self._saving, ())
                    writer.discard()
                    return
                writer.settle(most)
                queued = writer.finish_behind(ended, here)
            finally:
                if not queued:
                    if writer.lacked_room:
                        running.note_full(self._saving)
                    one.done()

        try:
            one.begin()
            if self._at_once and writer.settles_with(made.DIGESTED_AT_ONCE):
                # marimo would start a thread, which takes a kernel that computes longer.
                write(made.DIGESTED_AT_ONCE, here=False)
            else:
                super()._dispatch_write(lambda: write(made.DIGESTED_BYTES, here=True))
        except BaseException:
            one.done()
            raise
        return None

    def _read_blobs(self, unique_keys: set[str], *rest: Any) -> dict[str, Any]:
        # marimo starts a thread for each blob, which takes longer than restoring one
        # of a few kilobytes, and for a single one gains nothing. On any trouble its
        # own way says what it means.
        if self._needs_no_threads(unique_keys):
            with suppress(Exception):
                return {
                    key: self._deserialize_blob(key, self.store.get(key), *rest)
                    for key in unique_keys
                }
        return super()._read_blobs(unique_keys, *rest)

    def _needs_no_threads(self, blob_keys: set[str]) -> bool:
        """Whether all but one are restored before as many threads would be started."""
        reader = _marimo.unwrapped(self.store)
        if not isinstance(reader, EntryReader):
            return False
        sizes = [len(reader.get(key) or b"") for key in blob_keys]
        return all(sizes) and sum(sizes) - max(sizes, default=0) <= _LITTLE_BYTES

    def _direct_candidates(self, manifest: Any) -> list[Any]:
        # marimo reads the key that a manifest names before it sees that nobody but
        # the loader's own signer is trusted. That took a tenth of a whole load.
        signer = getattr(self, "signer", None)
        if signer is not None and not getattr(self, "trusted_signers", True):
            return [signer]
        return super()._direct_candidates(manifest)

    def _resolve_unset_signer(self) -> Any:
        with _marimo.making_one_key():
            return super()._resolve_unset_signer()

    def restore_cache(self, key: _marimo.HashKey, blob: Any) -> _marimo.Cache:
        self._names = manifests.names(blob)
        cache = super().restore_cache(key, blob)
        for name, value in cache.defs.items():
            cache.defs[name] = _marimo.waiting(value, self._names)
        return cache

    def _deserialize_blob(self, key: str, data: Any, *rest: Any) -> Any:
        # Of a signed entry marimo hashes each blob before it reads it. What was
        # hashed as it was loaded need not be once more.
        reader = _marimo.unwrapped(self.store)
        if isinstance(reader, EntryReader) and len(rest) == 5:
            *hints, hashes, signer = rest
            if reader.has_digest(key, (hashes or {}).get(key)):
                hashes = signer = None
            # marimo loads before it makes the classes that the same cell defines.
            if (needs := self._needs(key, data)) is not None:
                _marimo.check_signed(key, data, hashes, signer)
                name, types = keys.stem(key), hints[0]
                return _marimo.Later(name, data, needs, types.get(key) or "")
            rest = (*hints, hashes, signer)
        try:
            return super()._deserialize_blob(key, data, *rest)
        except Exception as error:
            # Such as of a class that is not where it was.
            self._trouble = _not_loaded(keys.stem(key), error)
            raise

    def _needs(self, key: str, data: Any) -> frozenset[str] | None:
        """The entry's variables that a blob of it refers to; None where it refers to
        nothing that the notebook defines."""
        if keys.format_of(key) != "pickle" or keys.stem(key) == "ui":
            return None
        return _marimo.named_in(data, self._names)

    def _unfit(self, key: _marimo.HashKey, loaded: Loaded) -> str | None:
        manifest = loaded.contents.get(keys.key_of(self._entry(key)))
        if manifest is None:
            return "it is not whole"
        return manifests.fault(manifest, key.hash, loaded.digests, names_wanted.get())

    def _declined(self, key: _marimo.HashKey, loaded: Loaded) -> str:
        with suppress(Exception):
            if _marimo.is_stale(self, key):
                return "marimo wants it made anew"
            manifest = loaded.contents[keys.key_of(self._entry(key))]
            if not _marimo.is_trusted(self, manifest):
                return "nobody who is trusted signed it"
        return self._trouble or super()._declined(key, loaded)

    def _must_raise(self, error: Exception) -> bool:
        # Under `strict` the user wants no entry that nobody they trust has signed
        # to pass in silence. All that may be a fault of ours was checked before.
        return True


def _not_loaded(name: str, error: Exception) -> str:
    if name == "ui":
        # They name functions that the cell has yet to make, by names that are marimo's.
        return "its UI elements call what the cell has to make first"
    return f"{'its output' if name == 'return' else name} could not be loaded: {error}"


class SqlitePickleLoader(OverRows, _marimo.PickleLoader):
    """marimo's `pickle` loader over a `SqliteStore`."""

    _kind = "pickle"


class SqliteJsonLoader(OverRows, _marimo.JsonLoader):
    """marimo's `json` loader over a `SqliteStore`."""

    _kind = "json"

    def _unfit(self, key: _marimo.HashKey, loaded: Loaded) -> str | None:
        whole = loaded.contents.get(keys.key_of(self._entry(key)))
        if whole is None:
            return "it is not whole"
        return manifests.json_fault(whole, key.hash)
