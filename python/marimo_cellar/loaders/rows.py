"""What marimo's loaders have in common when their entries are rows.

A save gets a store of its own that collects the entry's bytes for one transaction, as
a load gets one that holds them (`restoring.py`).
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from msgspec.structs import replace

from marimo_cellar import _marimo
from marimo_cellar.database.database import Database
from marimo_cellar.database.found import Found
from marimo_cellar.entries import ahead, behind, contents, entries, keys, made
from marimo_cellar.entries.entries import CELL_CACHE, Cost
from marimo_cellar.loaders import beside
from marimo_cellar.loaders.restoring import Restoring, names_wanted
from marimo_cellar.lookups import lookups
from marimo_cellar.lookups.lookup import Lookup
from marimo_cellar.lookups.reasons import Reason
from marimo_cellar.session import running
from marimo_cellar.session.entry_stores import EntryWriter, described
from marimo_cellar.session.session import current_session
from marimo_cellar.session.spending import cost_of, spent
from marimo_cellar.values import mapped

# Lookups that wait for their results. What a function raised is never saved, and a loop
# over many such calls would keep them all.
_MOST_MISSED = 200


class OverRows(Restoring):
    """Mixed in before marimo's class, which it makes a loader over rows."""

    # Of the view that saves: what it writes by, and whether it waits for the commit.
    _writer: EntryWriter | None = None
    # What is being saved is the result of this lookup.
    _saving: Lookup | None = None
    _writes_behind = False

    def __init__(
        self, name: str, store: _marimo.Store | None = None, **kwargs: Any
    ) -> None:
        # Lookups that missed, until their results are saved.
        self._missed: dict[str, Lookup] = {}
        super().__init__(name, store, **kwargs)

    # marimo's interface

    def cache_hit(self, key: _marimo.HashKey) -> bool:
        database = self._database()
        if database is None:
            return super().cache_hit(key)
        try:
            self._settle(database, key)
            entry, owner = self._entry(key), self._owner()
            if founds := entries.candidates(database, entry, owner):
                return any(contents.exists(database, found) for found in founds)
            from marimo_cellar.loaders.takeover import old_file

            return old_file(database, self.stock, entry, owner) is not None
        except Exception as error:
            self.failed(database, error)
            return False

    def cache_attempt(
        self,
        defs: set[str],
        key: _marimo.HashKey,
        stateful_refs: set[str],
        glbls: dict[str, Any] | None = None,
    ) -> _marimo.Cache:
        token = names_wanted.set(frozenset(defs | stateful_refs))
        try:
            cache = super().cache_attempt(defs, key, stateful_refs, glbls)
        finally:
            names_wanted.reset(token)
        if self._sqlite_store() is None:
            return cache
        return _marimo.whole(
            cache,
            of_cell=self.name == CELL_CACHE,
            tell_lacking=lambda names: running.note_unpicklable(
                self._missed.get(key.hash), names
            ),
        )

    def load_cache(
        self, key: _marimo.HashKey, glbls: dict[str, Any] | None = None
    ) -> _marimo.Cache | None:
        database = self._database()
        if database is None:
            return super().load_cache(key, glbls)
        start = time.time()
        try:
            self._settle(database, key)
            entry, owner = self._entry(key), self._owner()
            lookup = Lookup(database, entry, owner, "miss", start)
            if entry.is_of_cell and running.changes_others(lookup):
                # What it changes may still be on its way into the cache.
                self.flush()
                self._miss(lookup, key, evicted=False)
                return None
            expected = ahead.expected(database, entry, owner)
            founds = [expected] if expected else self._founds(lookup)
        except Exception as error:
            self.failed(database, error)
            return None
        cache = self._answer(lookup, key, founds, glbls)
        if cache is None and expected is not None:
            # Another cell's may serve all the same.
            try:
                others = self._founds(lookup)
            except Exception as error:
                self.failed(database, error)
                return None
            others = [one for one in others if one.entry_id != expected.entry_id]
            cache = self._answer(lookup, key, others, glbls)
        if cache is not None:
            return cache
        # An entry that is there and does not serve, such as a damaged one, does not
        # come back from an old file or from another kind's: it is made anew.
        if not founds and (cache := self._elsewhere(lookup, key, glbls)) is not None:
            return cache
        self._miss(lookup, key, evicted=not founds)
        return None

    def _miss(self, lookup: Lookup, key: _marimo.HashKey, evicted: bool) -> None:
        lookup.spent = spent(self._belonging.session)
        self._note_missed(key, lookup)
        self._belonging.running().begin(lookup, key, evicted)
        lookups.note(lookup)

    def save_cache(self, cache: _marimo.Cache) -> bool:
        database = self._database()
        if database is None:
            return super().save_cache(cache)
        try:
            view = self._view()
            view._saving = self._missed.pop(cache.hash, None)
            view._writer = view._writer_for(database, cache)
            if running.is_of_no_use(view._saving):
                return False
            store = self._sqlite_store()
            view._writes_behind = store is not None and store.writes_behind()
            view.store = self._through(view._writer)
        except Exception as error:
            self.failed(database, error)
            return False
        if isinstance(cache, _marimo.WholeCache):
            cache = cache.plain()
        return view._save(cache)

    # Saving

    def _save(self, cache: _marimo.Cache) -> bool:
        """On the view whose store is a writer: marimo's own `save_cache`."""
        try:
            if not super().save_cache(cache):
                return False
        except _marimo.NotWhole:
            # marimo would have saved it, and does not break the run for it.
            running.note_unpicklable(self._saving, cache.defs)
            return False
        except Exception:
            running.note_unpicklable(self._saving, cache.defs)
            raise
        assert self._writer is not None
        self._writer.settle(made.DIGESTED_AT_ONCE)
        if not self._writes_behind:
            return self._writer.finish()
        one, queued = self.saves.one(), False
        try:
            one.begin()
            queued = self._writer.finish_behind(one.done)
        finally:
            if not queued:
                one.done()
        return queued

    def _writer_for(self, database: Database, cache: _marimo.Cache) -> EntryWriter:
        runtime = cache.meta.get("runtime")
        lookup, owner = self._saving, self._owner()
        if lookup is not None:
            owner = replace(owner, made=self._belonging.running().end(lookup, cache))
            lookup.seconds = runtime
            lookups.note(lookup)
        label, hint = described(cache)
        entry = self._entry(cache.key)
        writer = EntryWriter(
            database,
            entry,
            owner,
            runtime,
            label,
            hint,
            cost=self._cost(lookup, runtime),
        )
        for key, data in beside.written(entry, cache):
            writer.put(key, data)
        return writer

    def _cost(self, lookup: Lookup | None, runtime: float | None) -> Cost | None:
        session = self._belonging.session
        paid = 0.0 if lookup is None else spent(session) - lookup.spent
        per_hour = None if session is None else session.cost_per_hour
        return cost_of(paid, runtime, per_hour)

    # Loading

    def _settle(self, database: Database, key: _marimo.HashKey) -> None:
        """What was saved of a key, a lookup of it is to find."""
        queue = behind.queue_of(database)
        if queue.holds(key.hash):
            queue.settle()

    def _founds(self, lookup: Lookup) -> list[Found]:
        """What may answer a lookup, found by a query."""
        database, owner = lookup.database, lookup.owner
        founds = entries.candidates(database, lookup.key, owner)
        if founds:
            ahead.read_ahead(database, owner.roll, lookup.key, founds[0])
        return founds

    def _answer(
        self,
        lookup: Lookup,
        key: _marimo.HashKey,
        founds: Iterable[Found],
        glbls: dict[str, Any] | None,
    ) -> _marimo.Cache | None:
        """The first of some entries that serves, noted; None if none does."""
        outdated = None
        for found in founds:
            reason = self._outdated(lookup, key, found)
            if reason is not None:
                outdated = reason
                continue
            ahead.fetch_ahead(lookup.database, lookup.owner.roll, found)
            cache, lookup.why = self._restore(lookup.database, key, found, glbls)
            if cache is not None:
                self._belonging.running().serve(lookup, cache)
                lookups.note_hit(lookup, found)
                return cache
        if outdated is not None:
            lookup.reasons = [outdated]
        return None

    def _outdated(
        self, lookup: Lookup, key: _marimo.HashKey, found: Found
    ) -> Reason | None:
        """Why an entry does not serve that has the right hash, as files were others when it
        was made; None if it serves."""
        changed = self._changed_file(lookup, found)
        if changed is not None:
            return {"kind": "source", "path": changed}
        return self._belonging.running().made_anew(lookup, key, found)

    def _changed_file(self, lookup: Lookup, found: Found) -> str | None:
        """A file that an entry was made of and that has changed since, where the user wants
        such computed anew; or a module that made it, where marimo loads such anew and has
        cells that use them run again: by its hash they would be served."""
        session = current_session() or self._belonging.session
        path = lookup.owner.roll.path
        if session is None or path is None:
            return None
        reloads, recomputes = session.reloads_modules(), session.recomputes_on_change
        if not reloads and not recomputes:
            return None
        from marimo_cellar.entries import modules, reads
        from marimo_cellar.session.origins import reads_of_entry

        found_reads = reads_of_entry(lookup.database, found.entry_id)
        changed = None
        if reloads:
            changed = modules.changed_since(found_reads, path.parent)
        if changed is None and recomputes:
            changed = reads.changed_since(found_reads, path.parent)
        return changed

    def _restore(
        self,
        database: Database,
        key: _marimo.HashKey,
        found: Found,
        glbls: dict[str, Any] | None,
    ) -> tuple[_marimo.Cache | None, str | None]:
        """The entry as marimo restores it from its bytes, or why it did not."""
        try:
            loaded = contents.load(database, found, mapped.FORMATS)
        except Exception as error:
            self.failed(database, error)
            return None, "it could not be read"
        if loaded.why is not None:
            return None, loaded.why
        entry = self._entry(key)
        random_states = beside.random_states_in(entry, loaded)
        if not _marimo.are_of_seed(random_states):
            return None, "its random numbers are of another seed"
        cache, why = self.restored(database, key, loaded, glbls)
        if cache is not None:
            beside.restore(entry, loaded, random_states, cache)
        return cache, why

    def _note_missed(self, key: _marimo.HashKey, lookup: Lookup) -> None:
        while len(self._missed) >= _MOST_MISSED:
            # Unless another thread notes, or saves, one just now.
            with suppress(RuntimeError, StopIteration):
                self._missed.pop(next(iter(self._missed)), None)
        self._missed[key.hash] = lookup

    # Where there is no entry of this kind

    def _elsewhere(
        self, lookup: Lookup, key: _marimo.HashKey, glbls: dict[str, Any] | None
    ) -> _marimo.Cache | None:
        """What marimo cached before Cellar came, or another kind of loader did.

        Most often there is neither, which one look and one query say.
        """
        if self.stock.may_have(keys.key_of(lookup.key)):
            from marimo_cellar.loaders import takeover

            cache = takeover.answer(self, lookup, key, glbls)
            if cache is not None or lookup.why is not None:
                return cache
        try:
            others = entries.loaders_of(lookup.database, lookup.key)
            others -= {lookup.key.loader}
            if not others:
                return None
            from marimo_cellar.loaders import other_kinds

            return other_kinds.answer(self, lookup, key, glbls, others)
        except Exception as error:
            self.failed(lookup.database, error)
            return None
