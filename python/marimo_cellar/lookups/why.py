"""Why a lookup missed: what differs from the nearest earlier entry of its cell.

All of it is found out when lookups are written, in batches, and from what is there:
the nodes tell whose code changed, `inputs` what variables held, `versions` by what it
was made. What none of these shows is `unknown`, and nothing is guessed.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from marimo_cellar import _marimo
from marimo_cellar.database.apps import versions_in
from marimo_cellar.entries.entries import CELL_CACHE
from marimo_cellar.entries.made import reads_in
from marimo_cellar.entries.reads import change_of
from marimo_cellar.lookups import reasons
from marimo_cellar.lookups.differences import (
    Earlier,
    ancestors_of,
    by_content,
    inputs_apart,
    origin_of,
    versions_apart,
)
from marimo_cellar.lookups.reasons import Reason
from marimo_cellar.lookups.upstream import Upstream
from marimo_cellar.notices import warn_once

if TYPE_CHECKING:
    from marimo_cellar.lookups.lookup import Lookup

# Of one cell, block or function as many misses of a batch are explained, the last ones,
# and compared with as many of the latest entries.
_EXPLAINED = 20
_COMPARED = 8
_ENTRIES = 64
_CHANGES = 5

# What an entry that is there and does not serve is said to be, where it is found out.
_UNFIT = {
    "its bytes are damaged": "damaged",
    "it is gone, or some of it is set aside as damaged": "damaged",
    "its manifest cannot be read": "damaged",
    "it cannot be read": "damaged",
    "it holds another result": "damaged",
    "it holds other names": "damaged",
    "its bytes are not those that were signed": "damaged",
    "a file of it is missing": "incomplete",
    "it is not whole": "incomplete",
    "nobody who is trusted signed it": "unsigned",
    "marimo wants it made anew": "rerun",
}


class _Before(NamedTuple):
    """The last lookup of a hash. `kept` is whether its result was in the cache then."""

    at: float
    kept: bool


class _Record(Struct, frozen=True):
    """What there is of a cell and a cache's name, as the batch began."""

    entries: Sequence[Earlier]
    lookups: Mapping[str, _Before]
    cleared_at: float | None


class Explainer:
    """Explains the lookups of one batch, within the transaction that writes them."""

    def __init__(self, connection: sqlite3.Connection, batch: Sequence[Lookup]) -> None:
        self._connection = connection
        self._records: dict[tuple[int, str], _Record] = {}
        self._upstream = Upstream(connection)
        self._explained = _last_of_each(batch)
        found = {
            one.found.entry_id
            for one in batch
            if one.outcome == "hit" and one.found and one.lookup_id is None
        }
        self._reads = reads_in(connection, json.dumps(sorted(found))) if found else {}

    def explain(self, lookup: Lookup, cell_id: int) -> str | None:
        """Completes a lookup's reasons; one sentence of them, for a miss.

        Raises `sqlite3.Error` only.
        """
        try:
            found = self._found_out(lookup, cell_id)
        except sqlite3.Error:
            raise
        except Exception as error:
            warn_once("why", "", f"why a cell missed is not known ({error!r}).")
            found = []
        lookup.reasons = [*found, *lookup.reasons]
        return self.sentence(lookup)

    def sentence(self, lookup: Lookup) -> str | None:
        """The reasons of a miss in English, for those who know no others."""
        if lookup.outcome == "hit":
            return None
        return reasons.sentence(lookup.reasons)

    def _found_out(self, lookup: Lookup, cell_id: int) -> list[Reason]:
        if lookup.outcome == "hit":
            return self._changed_files(lookup)
        return self._missed(lookup, cell_id) if lookup in self._explained else []

    # Hits

    def _changed_files(self, lookup: Lookup) -> list[Reason]:
        path = lookup.owner.roll.path
        if lookup.found is None or path is None:
            return []
        changes = [
            change
            for read in self._reads.get(lookup.found.entry_id, ())
            if (change := change_of(read, path.parent)) is not None
        ]
        return [
            {
                "kind": "file",
                "path": one.read.path,
                "how": one.read.how,
                "change": one.change,
                **({} if one.modified_at is None else {"modified_at": one.modified_at}),
            }
            for one in changes
        ]

    # Misses

    def _missed(self, lookup: Lookup, cell_id: int) -> list[Reason]:
        if any(reason["kind"] == "source" for reason in lookup.reasons):
            # Known since it was looked for.
            return []
        if lookup.why is not None:
            kind = _UNFIT.get(lookup.why)
            return [{"kind": kind} if kind else {"kind": "refused", "text": lookup.why}]
        if lookup.evicted is not None:
            return [{"kind": "evicted", "why": lookup.evicted}]
        record = self._record(cell_id, lookup.key.cache_name)
        before = record.lookups.get(lookup.key.hash)
        if before is not None and before.at < lookup.at:
            return [{"kind": _fate(before, record)}]
        earlier = [
            one
            for one in record.entries
            if one.created_at < lookup.at and one.hash != lookup.key.hash
        ]
        if not earlier:
            ago = [one for one in record.lookups.values() if one.at < lookup.at]
            last = max(ago, default=None, key=lambda one: (one.kept, one.at))
            return [{"kind": _fate(last, record) if last else "first"}]
        compared = [
            (self._differences(lookup, cell_id, one), one)
            for one in earlier[:_COMPARED]
        ]
        # Of a function, one of the same call rather than of another since its code changed.
        nearest, one = min(
            compared,
            key=lambda pair: (len(pair[0]), any(x["kind"] == "input" for x in pair[0])),
        )
        return nearest or self._unseen(lookup, one)

    def _record(self, cell_id: int, cache_name: str) -> _Record:
        key = cell_id, cache_name
        record = self._records.get(key)
        if record is None:
            record = self._records[key] = self._read_record(cell_id, cache_name)
        return record

    def _read_record(self, cell_id: int, cache_name: str) -> _Record:
        rows = self._connection.execute(
            "SELECT entry_id, hash, cache_type, node, created_at, versions, inputs"
            " FROM entries LEFT JOIN inputs USING (entry_id)"
            " WHERE cell_id = ? AND cache_name = ?"
            " ORDER BY max(created_at, coalesce(last_hit_at, created_at)) DESC LIMIT ?",
            (cell_id, cache_name, _ENTRIES),
        ).fetchall()
        lookups = self._connection.execute(
            "SELECT hash, at, outcome = 'hit' OR seconds NOT NULL, reasons"
            " FROM lookups LEFT JOIN reasons USING (lookup_id)"
            " WHERE cell_id = ? AND cache_name = ? ORDER BY at",
            (cell_id, cache_name),
        ).fetchall()
        (cleared_at,) = self._connection.execute(
            "SELECT cleared_at FROM cells WHERE cell_id = ?", (cell_id,)
        ).fetchone()
        return _Record(
            [Earlier(*row) for row in rows],
            {
                hash: _Before(at, bool(kept) and not _is_unsaved(text))
                for hash, at, kept, text in lookups
            },
            cleared_at,
        )

    def _differences(
        self, lookup: Lookup, cell_id: int, earlier: Earlier
    ) -> list[Reason]:
        """All that is not as it was with an entry, what weighs most first."""
        cell = lookup.owner.cell
        found = versions_apart(earlier)
        upstream: list[Reason] = []
        own = False
        if cell is not None and earlier.node is not None:
            before = self._upstream.recorded(earlier.node, {cell_id})
            if before is not None:
                own = before.code_digest != cell.digest
                upstream = self._upstream.changes(lookup, before, cell)
        if own:
            found.append({"kind": "own_code"})
        values, modules = inputs_apart(lookup, earlier, own)
        if values or not by_content(lookup, earlier):
            found.extend(upstream[:_CHANGES])
        found.extend(modules)
        found.extend(
            {"kind": "input", "name": name, **origin_of(lookup, name)}
            for name in values[:_CHANGES]
        )
        return found

    def _unseen(self, lookup: Lookup, earlier: Earlier) -> list[Reason]:
        """What may be behind a miss where nothing of the cell itself is different."""
        if found := self._of_ancestors(lookup, earlier):
            return found
        then, now = versions_in(earlier.versions), _marimo.versions()
        return [
            {"kind": name, "before": str(then[name]), "now": str(now[name])}
            for name in ("python", "marimo")
            if then.get(name) not in (None, now[name])
        ] or [{"kind": "unknown"}]

    def _of_ancestors(self, lookup: Lookup, earlier: Earlier) -> list[Reason]:
        """What ancestors missed by since: their hash is a part of this one's."""
        ids = [
            cell_id
            for kernel_id in ancestors_of(lookup)
            if (cell_id := lookup.owner.roll.ids.get(kernel_id)) is not None
        ]
        rows = self._connection.execute(
            "SELECT reasons FROM lookups JOIN reasons USING (lookup_id)"
            " WHERE cell_id IN (SELECT value FROM json_each(?)) AND outcome = 'miss'"
            " AND cache_name = ? AND at BETWEEN ? AND ? ORDER BY at DESC",
            (json.dumps(ids), CELL_CACHE, earlier.created_at, lookup.at),
        ).fetchall()
        found: list[Reason] = []
        for (text,) in rows[:_COMPARED]:
            for reason in reasons.parse(text):
                if reason["kind"] in _INHERITED and reason not in found:
                    found.append(reason)
        return found


def _last_of_each(batch: Sequence[Lookup]) -> set[Lookup]:
    """The lookups of a batch up to the last misses of each cell, block and function."""
    misses: Counter[tuple[int, str | None, str]] = Counter()
    last = set()
    for lookup in reversed(batch):
        whose = id(lookup.owner.roll), lookup.owner.kernel_id, lookup.key.cache_name
        misses[whose] += lookup.outcome == "miss"
        if misses[whose] <= _EXPLAINED:
            last.add(lookup)
    return last


def _is_unsaved(text: str | None) -> bool:
    """Whether a run had nothing saved of it, for what it shows, returns or changes."""
    return _OF_UNSAVED.search(text or "") is not None and any(
        one["kind"] == "changes"
        or (one["kind"] == "unpicklable" and one.get("names") == ["return"])
        for one in reasons.parse(text)
    )


_OF_UNSAVED = re.compile('"(changes|return)"')

_INHERITED = ("module", "input", "python", "marimo")


def _fate(before: _Before, record: _Record) -> str:
    """What became of a result that was, or was not, in the cache."""
    if record.cleared_at is not None and record.cleared_at > before.at:
        return "cleared"
    return "gone" if before.kept else "unsaved"
