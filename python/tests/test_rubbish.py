"""What a clean-up removes whatever room there is, on real files."""

from __future__ import annotations

import json
import os
import time
import uuid
from typing import Any

import pytest

from marimo_cellar.checking import repairing
from marimo_cellar.checking.checking import audit
from marimo_cellar.cleaning import rubbish
from marimo_cellar.database import opening
from marimo_cellar.database.database import Database
from marimo_cellar.session.store import SqliteStore
from tests.equal_worth import database, fill, left, prune

__all__ = ["database"]

DAY = 24 * 3600.0


def test_rubbish_goes_and_the_rest_stays(database: Database) -> None:
    fill(database, 3)
    now = time.time()
    partial = database.blobs / f".partial-{uuid.uuid4()}"
    young = database.blobs / f".partial-{uuid.uuid4()}"
    stray = database.blobs / "00" / f"{'00' * 32}.pickle"
    foreign = database.blobs / "00" / "notes.txt"
    stray.parent.mkdir(exist_ok=True)
    for path in (partial, young, stray, foreign):
        path.write_bytes(b"x")
        if path is not young:
            os.utime(path, (now - 7200, now - 7200))
    with database.writing() as connection:
        connection.execute(
            "INSERT INTO blobs (digest, size, crc32, content)"
            " VALUES (zeroblob(32), 1, 0, x'00')"
        )
        connection.execute(
            "UPDATE blobs SET quarantined_at = ? WHERE digest ="
            " (SELECT digest FROM items JOIN entries USING (entry_id) WHERE hash = '0')",
            (now - 8 * DAY,),
        )
        connection.execute(
            "UPDATE blobs SET quarantined_at = ? WHERE digest ="
            " (SELECT digest FROM items JOIN entries USING (entry_id) WHERE hash = '1')",
            (now - 6 * DAY,),
        )
        connection.execute("UPDATE entries SET pinned = 1 WHERE hash = '2'")
        connection.execute(
            "UPDATE blobs SET quarantined_at = ? WHERE digest ="
            " (SELECT digest FROM items JOIN entries USING (entry_id) WHERE hash = '2')",
            (now - 8 * DAY,),
        )
        connection.executemany(
            "INSERT INTO lookups (cell_id, cache_name, hash, outcome, at)"
            " SELECT cell_id, 'block', '0', 'hit', ? FROM cells",
            [(number,) for number in range(70)],
        )
    prune(database, None, now=now)
    assert left(database) == ["1", "2"]
    assert [path.exists() for path in (partial, young, stray, foreign)] == [
        False,
        True,
        False,
        True,
    ]
    with database.reading() as connection:
        assert connection is not None
        assert connection.execute(
            "SELECT count(*), min(at) FROM lookups"
        ).fetchone() == (50, 20)
        assert rubbish.unused_blobs(connection) == []


def nodes_left(database: Database) -> set[str]:
    with database.reading() as connection:
        assert connection is not None
        return {row[0].hex() for row in connection.execute("SELECT node FROM nodes")}


@pytest.fixture
def chain(database: Database) -> list[str]:
    """Nodes each of which stands on the one before, and none of which is needed."""
    fill(database, 1, size=100)
    nodes = [bytes([number] * 32) for number in range(60)]
    with database.writing() as connection:
        connection.execute("INSERT INTO sources VALUES (zeroblob(32), '')")
        connection.executemany(
            "INSERT INTO nodes SELECT ?, cell_id, zeroblob(32), ? FROM entries",
            [
                (node, json.dumps([nodes[number - 1].hex()] if number else []))
                for number, node in enumerate(nodes)
            ],
        )
    return [node.hex() for node in nodes]


def test_nodes_go_a_few_at_a_time_and_before_their_ancestors(
    database: Database, chain: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    states: list[set[str]] = []
    real = rubbish.remove_nodes

    def remove(connection: Any, nodes: Any) -> None:
        real(connection, nodes)
        rows = connection.execute("SELECT node FROM nodes")
        states.append({node.hex() for (node,) in rows})

    monkeypatch.setattr(rubbish, "remove_nodes", remove)
    prune(database, None)
    assert len(states) > 1
    assert all(state == set(chain[: len(state)]) for state in states)
    assert nodes_left(database) == set()
    with database.reading() as connection:
        assert connection is not None
        assert connection.execute("SELECT count(*) FROM sources").fetchone() == (0,)


def test_a_node_that_is_needed_again_meanwhile_stays(
    database: Database, chain: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = opening.connect(database.path, "rw")
    real = rubbish.unneeded_nodes
    looks: list[int] = []

    def look(connection: Any, app_id: int) -> Any:
        found = real(connection, app_id)
        if not looks:
            # A kernel saves a result that stands on one of them.
            other.execute("UPDATE entries SET node = ?", (bytes.fromhex(chain[9]),))
        looks.append(len(found))
        return found

    monkeypatch.setattr(rubbish, "unneeded_nodes", look)
    prune(database, None)
    other.close()
    assert looks[:2] == [60, 50]
    assert nodes_left(database) == set(chain[:10])


def test_a_wrong_count_of_what_is_used_is_put_right_while_others_write(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(database, 3)
    real = repairing.usage_error

    def error(connection: Any) -> int | None:
        found = real(connection)
        store = SqliteStore(str(database.folder))
        store.put("block/P_9.pickle", b"x" * 100_000)
        return found

    monkeypatch.setattr(repairing, "usage_error", error)
    with database.writing() as connection:
        connection.execute("UPDATE usage SET size = size - 12345")
    prune(database, None)
    assert len(left(database)) == 4
    assert audit(database, grace=0) == []
