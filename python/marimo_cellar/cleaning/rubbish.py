"""What is of no use to anybody, and goes whatever room there is.

Quarantined bytes past a week with what refers to them, blobs and nodes that nothing
refers to, and the record of lookups beyond a cell's last runs. For files without a
row there is `sweeping.py`.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence

from marimo_cellar.entries import blobs
from marimo_cellar.entries.clearing import delete

_QUARANTINE = 7 * 24 * 3600.0
# Of each cell, and of each function and block in it.
_LOOKUPS = 50


def spoilt_entries(connection: sqlite3.Connection, now: float) -> list[int]:
    """Entries that refer to bytes which were found wrong more than a week ago, but for
    those that the user wants kept."""
    rows = connection.execute(
        "SELECT DISTINCT entry_id FROM blobs JOIN items USING (digest)"
        " JOIN entries USING (entry_id) WHERE quarantined_at < ? AND NOT pinned",
        (now - _QUARANTINE,),
    )
    return [entry_id for (entry_id,) in rows]


def unused_blobs(connection: sqlite3.Connection) -> list[bytes]:
    """The digests of blobs that no item refers to."""
    rows = connection.execute(
        "SELECT digest FROM blobs INDEXED BY blobs_by_size WHERE NOT EXISTS"
        " (SELECT 1 FROM items WHERE items.digest = blobs.digest)"
    )
    return [digest for (digest,) in rows]


def remove_spoilt(
    connection: sqlite3.Connection, entry_ids: Sequence[int]
) -> list[tuple[bytes, str]]:
    """Removes entries, and their bytes; the files are for `blobs.unlink`.

    One that was saved again or pinned since it was found stays.
    """
    rows = connection.execute(
        "SELECT DISTINCT entry_id FROM entries JOIN items USING (entry_id)"
        " JOIN blobs USING (digest) WHERE quarantined_at NOT NULL AND NOT pinned"
        " AND entry_id IN (SELECT value FROM json_each(?))",
        (json.dumps(entry_ids),),
    ).fetchall()
    return blobs.remove_unused(
        connection, delete(connection, [entry_id for (entry_id,) in rows])
    )


def old_lookups(connection: sqlite3.Connection) -> list[int]:
    """Lookups beyond the last ones of each cell, function and block."""
    rows = connection.execute(
        "SELECT lookup_id FROM (SELECT lookup_id, row_number() OVER"
        " (PARTITION BY cell_id, cache_name ORDER BY at DESC, lookup_id DESC) AS place"
        " FROM lookups) WHERE place > ?",
        (_LOOKUPS,),
    )
    return [lookup_id for (lookup_id,) in rows]


def remove_lookups(connection: sqlite3.Connection, lookup_ids: Sequence[int]) -> None:
    """Removes lookups, and with them their reasons."""
    connection.execute(
        "DELETE FROM lookups WHERE lookup_id IN (SELECT value FROM json_each(?))",
        (json.dumps(lookup_ids),),
    )


def apps_with_nodes(connection: sqlite3.Connection) -> list[int]:
    """The notebooks that may have nodes nobody needs."""
    rows = connection.execute(
        "SELECT DISTINCT app_id FROM nodes JOIN cells USING (cell_id)"
    )
    return [app_id for (app_id,) in rows]


def unneeded_nodes(
    connection: sqlite3.Connection, app_id: int
) -> list[tuple[bytes, int]]:
    """A notebook's nodes, each with its cell, that no entry stands on, however far.

    A node comes before those that it stands on, so that at any time of their removal
    what is still there has its ancestors, on which the kernel relies.
    """
    rows = connection.execute(
        "SELECT node, cell_id, parents FROM nodes JOIN cells USING (cell_id)"
        " WHERE app_id = ?",
        (app_id,),
    ).fetchall()
    parents = {node.hex(): json.loads(above) for node, _, above in rows}
    waiting = [
        node.hex()
        for (node,) in connection.execute(
            "SELECT DISTINCT node FROM entries JOIN cells USING (cell_id)"
            " WHERE app_id = ? AND node IS NOT NULL",
            (app_id,),
        )
    ]
    needed: set[str] = set()
    while waiting:
        one = waiting.pop()
        if one not in needed:
            needed.add(one)
            waiting.extend(parents.get(one, ()))
    cells: dict[str, list[tuple[bytes, int]]] = {}
    for node, cell_id, _ in rows:
        if node.hex() not in needed:
            cells.setdefault(node.hex(), []).append((node, cell_id))
    order = reversed(_ancestors_first(cells, parents))
    return [one for node in order for one in cells[node]]


def remove_nodes(
    connection: sqlite3.Connection, nodes: Sequence[tuple[bytes, int]]
) -> None:
    """Removes some of a notebook's nodes, by their cells, and code that no node has.

    Only while nobody has written since they were found.
    """
    for node, cell_id in nodes:
        (code,) = connection.execute(
            "SELECT code_digest FROM nodes WHERE node = ? AND cell_id = ?",
            (node, cell_id),
        ).fetchone()
        connection.execute(
            "DELETE FROM nodes WHERE node = ? AND cell_id = ?", (node, cell_id)
        )
        connection.execute(
            "DELETE FROM sources WHERE code_digest = ?1 AND NOT EXISTS"
            " (SELECT 1 FROM nodes WHERE code_digest = ?1)",
            (code,),
        )


def _ancestors_first(
    nodes: Collection[str], parents: Mapping[str, Sequence[str]]
) -> list[str]:
    order: list[str] = []
    seen: set[str] = set()
    waiting = [(node, False) for node in nodes]
    while waiting:
        node, has_ancestors = waiting.pop()
        if has_ancestors:
            order.append(node)
        elif node in nodes and node not in seen:
            seen.add(node)
            waiting.append((node, True))
            waiting.extend((above, False) for above in parents[node])
    return order
