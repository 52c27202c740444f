"""Which of a cell's ancestors are not as they were when an earlier entry was made, told by
the nodes that were recorded of them.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection
from typing import TYPE_CHECKING, NamedTuple

from marimo_cellar.lookups.differences import titles_of
from marimo_cellar.lookups.reasons import Reason
from marimo_cellar.notebook.notebook import Cell
from marimo_cellar.notebook.titles import title_of

if TYPE_CHECKING:
    from marimo_cellar.lookups.lookup import Lookup


class RecordedNode(NamedTuple):
    """A cell as it stood then. `parents` are the nodes that it stood on."""

    cell_id: int
    code_digest: bytes
    parents: list[bytes]


class Upstream:
    """Asks for the nodes of one batch of lookups, within its transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._recorded: dict[bytes, list[RecordedNode]] = {}

    def recorded(self, node: bytes, cells: Collection[int]) -> RecordedNode | None:
        """What is recorded of a node; where equal cells have it, of one of `cells`."""
        if node not in self._recorded:
            rows = self._connection.execute(
                "SELECT cell_id, code_digest, parents FROM nodes WHERE node = ?",
                (node,),
            ).fetchall()
            self._recorded[node] = [
                RecordedNode(
                    cell_id, digest, list(map(bytes.fromhex, json.loads(text)))
                )
                for cell_id, digest, text in rows
            ]
        found = self._recorded[node]
        return next(
            (one for one in found if one.cell_id in cells), found[0] if found else None
        )

    def changes(self, lookup: Lookup, before: RecordedNode, cell: Cell) -> list[Reason]:
        """The ancestors of the lookup's cell whose code is not as it was `before`, the
        nearest first."""
        notebook = lookup.owner.notebook
        assert notebook is not None
        ids = lookup.owner.roll.ids
        known = frozenset(ids.values())
        found: list[Reason] = []
        seen: set[bytes] = set()
        waiting = [(before, cell)]
        while waiting:
            then, now = waiting.pop(0)
            parents_then = {
                node: parent
                for node in then.parents
                if (parent := self.recorded(node, known)) is not None
            }
            parents_now = {
                ids.get(one): notebook.by_kernel_id[one]
                for one in now.parents
                if one in notebook.by_kernel_id
            }
            standing = {one.node for one in parents_now.values()}
            # Of other code it is no news that it needs other cells.
            same = then.code_digest == now.digest
            for node, parent in parents_then.items():
                if node in standing or node in seen:
                    continue
                seen.add(node)
                other = parents_now.get(parent.cell_id)
                if other is None:
                    if same:
                        found.append(
                            self._of_cell("upstream_gone", lookup, parent.cell_id)
                        )
                    continue
                if other.digest != parent.code_digest:
                    found.append(self._of_cell("upstream", lookup, parent.cell_id))
                waiting.append((parent, other))
            if same:
                needed = {parent.cell_id for parent in parents_then.values()}
                found.extend(
                    self._of_cell("upstream_new", lookup, cell_id)
                    for cell_id, one in parents_now.items()
                    if cell_id is not None
                    and cell_id not in needed
                    and one.node not in parents_then
                )
        return found

    def _of_cell(self, kind: str, lookup: Lookup, cell_id: int) -> Reason:
        title = titles_of(lookup).get(cell_id)
        if title is None:
            row = self._connection.execute(
                "SELECT name, code FROM cells WHERE cell_id = ?", (cell_id,)
            ).fetchone()
            title = title_of(*row) if row else None
        return {"kind": kind, "cell": cell_id, **({"title": title} if title else {})}
