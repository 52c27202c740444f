"""What a notebook's other cells met last answers without a query, and never longer
than the database says so."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from marimo_cellar.database import watching
from marimo_cellar.database.database import Database, database_in
from marimo_cellar.database.found import Found, StoredItem
from marimo_cellar.entries import ahead, blobs, clearing, contents, entries
from marimo_cellar.entries.entries import EntryKey, Item, Owner
from marimo_cellar.entries.roll import Roll
from marimo_cellar.entries.saving import Save, save_all
from marimo_cellar.entries.upcoming import Upcoming
from marimo_cellar.lookups import lookups
from marimo_cellar.lookups.lookup import Lookup
from marimo_cellar.notebook.notebook import FileCell, KernelCell, Notebook, compose
from marimo_cellar.values import blobfile

pytestmark = pytest.mark.skipif(
    not hasattr(os, "pread"), reason="nothing is watched here"
)

CELLS = {"one": "a = 1", "two": "b = 2", "three": "c = 3"}


def key(name: str) -> EntryKey:
    return EntryKey("cell_cache", "P", f"hash-{name}", "pickle")


def notebook() -> Notebook:
    graph = [
        KernelCell(name, code, frozenset(code[:1]), frozenset())
        for name, code in CELLS.items()
    ]
    return compose(graph, [FileCell(name, code) for name, code in CELLS.items()])


class Kernel:
    """One kernel's view of the notebook, as a session that has just begun."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.roll = Roll(database.folder.parent / "nb.py")
        self._notebook = notebook()

    def owner(self, name: str) -> Owner:
        return Owner(self.roll, self._notebook, name)

    def save(self, name: str, content: bytes, at: str | None = None) -> None:
        of = key(at or name)
        path = f"cell_cache/P_{of.hash}.pickle"
        blob = blobs.prepare(self.database, content, "pickle")
        made = Save(
            of, self.owner(name), [Item(path, "x", "pickle", None, blob)], 1, {}
        )
        save_all(self.database, [made])
        assert made.saved

    def find(self, name: str, at: str | None = None) -> list[Found]:
        """By a query, which reads ahead."""
        founds = entries.candidates(self.database, key(at or name), self.owner(name))
        if founds:
            of = key(at or name)
            ahead.read_ahead(self.database, self.roll, of, founds[0])
        return founds

    def met(self, name: str) -> None:
        (found, *_) = self.find(name)
        of = Lookup(self.database, key(name), self.owner(name), "hit", 1.0, 0.1)
        lookups.note_hit(of, found)

    def expected(self, name: str, at: str | None = None) -> Any:
        """The bytes that answer without a query."""
        found = ahead.expected(self.database, key(at or name), self.owner(name))
        if found is None:
            return None
        loaded = contents.load(self.database, found)
        return loaded.why or next(iter(loaded.contents.values()))


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    # Other tests of this process may have met as many databases as one watches.
    monkeypatch.setattr(watching, "_handles", {})
    database = database_in(tmp_path / "cache")
    before = Kernel(database)
    for name in CELLS:
        before.save(name, name.encode())
    for name in CELLS:
        before.met(name)
    lookups.flush()
    yield database
    database.close()


@pytest.fixture
def kernel(database: Database) -> Kernel:
    made = Kernel(database)
    assert made.expected("two") is None
    assert made.find("one")
    return made


def elsewhere(database: Database, sql: str) -> None:
    """A commit that this process does not know of."""
    with closing(sqlite3.connect(database.path)) as connection, connection:
        connection.execute(sql)


def test_the_first_found_brings_what_the_other_cells_met_last(kernel: Kernel) -> None:
    assert [kernel.expected(name) for name in CELLS] == [b"one", b"two", b"three"]
    found = ahead.expected(kernel.database, key("two"), kernel.owner("two"))
    assert found == kernel.find("two")[0]


def test_it_answers_the_cell_alone_that_it_is_of(kernel: Kernel) -> None:
    assert kernel.expected("one", at="two") is None
    assert kernel.expected("two", at="nothing") is None


def test_what_a_cell_met_before_is_not_read(database: Database) -> None:
    before = Kernel(database)
    before.save("two", b"older", at="older")
    kernel = Kernel(database)
    assert kernel.find("one")
    assert kernel.expected("two") == b"two"
    assert kernel.expected("two", at="older") is None


def test_nothing_is_expected_after_a_commit_elsewhere(kernel: Kernel) -> None:
    elsewhere(kernel.database, "DELETE FROM entries WHERE hash = 'hash-two'")
    assert kernel.expected("two") is None and not kernel.find("two")


def test_nothing_is_expected_after_a_clear(kernel: Kernel) -> None:
    assert clearing.clear_key(kernel.database, "cell_cache/P_hash-two.pickle")
    assert kernel.expected("two") is None and not kernel.find("two")


def test_it_outlives_what_this_process_saves_of_other_keys(kernel: Kernel) -> None:
    kernel.save("one", b"another", at="another")
    assert kernel.expected("two") == b"two"
    kernel.save("two", b"new")
    assert kernel.expected("two") is None
    assert kernel.find("two")[0].items[0].content == b"new"  # type: ignore[index]


def test_damaged_bytes_are_read_along_and_not_served(database: Database) -> None:
    elsewhere(
        database, "UPDATE blobs SET content = x'00' WHERE content = CAST('two' AS BLOB)"
    )
    kernel = Kernel(database)
    assert kernel.find("one")
    assert kernel.expected("two") == "its bytes are damaged"
    # Set aside by now.
    assert kernel.expected("two") is None
    (found,) = kernel.find("two")
    assert not found.items and contents.load(database, found).why


def test_what_is_set_aside_or_gone_is_not_expected(database: Database) -> None:
    elsewhere(
        database,
        "UPDATE blobs SET quarantined_at = 1 WHERE content = CAST('two' AS BLOB)",
    )
    kernel = Kernel(database)
    assert kernel.find("one")
    assert kernel.expected("two") is None and kernel.expected("three") == b"three"


def test_a_database_that_is_gone_answers_nothing(kernel: Kernel) -> None:
    kernel.database.path.unlink()
    assert kernel.expected("two") is None


def test_only_so_much_is_read(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ahead, "_MOST_BYTES", len(b"onetwo"))
    kernel = Kernel(database)
    assert kernel.find("one")
    assert kernel.expected("two") == b"two" and kernel.expected("three") is None


def test_it_is_read_again_only_once_somebody_has_committed(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[str] = []
    real = entries.met_last

    def met_last(
        connection: sqlite3.Connection, app: str
    ) -> Iterator[tuple[EntryKey, Found]]:
        reads.append(app)
        return real(connection, app)

    monkeypatch.setattr(entries, "met_last", met_last)
    kernel.find("two")
    assert not reads
    elsewhere(kernel.database, "UPDATE apps SET last_seen_at = 1")
    kernel.find("two")
    assert reads and kernel.expected("three") == b"three"


def test_what_was_made_in_another_folder_is_not_expected(database: Database) -> None:
    elsewhere(
        database,
        """UPDATE entries SET versions = '{"folder": "elsewhere"}' WHERE hash = 'hash-two'""",
    )
    kernel = Kernel(database)
    assert kernel.find("one")
    assert kernel.expected("two") is None and not kernel.find("two")


class Loop:
    """Calls of a cached function, in a cell of the notebook."""

    def __init__(self, kernel: Kernel, name: str = "two") -> None:
        self.kernel, self.name = kernel, name
        self.owner = kernel.owner(name)

    def key(self, call: object, function: str = "ask") -> EntryKey:
        return EntryKey(function, "P", f"hash-{self.name}-{call}", "pickle")

    def save(self, call: object, content: bytes = b"", function: str = "ask") -> None:
        key, database = self.key(call, function), self.kernel.database
        blob = blobs.prepare(database, content or str(call).encode(), "pickle")
        item = Item(f"{function}/P_{key.hash}.pickle", "return", "pickle", None, blob)
        made = Save(key, self.owner, [item], 1, {})
        save_all(database, [made])
        assert made.saved

    def call(self, call: object, function: str = "ask") -> tuple[bool, Any]:
        """Whether it was answered without a query, and by what bytes."""
        database, key = self.kernel.database, self.key(call, function)
        found = ahead.expected(database, key, self.owner)
        expected = found is not None
        if found is None:
            found, *_ = entries.candidates(database, key, self.owner)
            ahead.read_ahead(database, self.kernel.roll, key, found)
        loaded = contents.load(database, found)
        return expected, loaded.why or next(iter(loaded.contents.values()))


@pytest.fixture
def loop(database: Database) -> Loop:
    before = Loop(Kernel(database))
    for call in range(40):
        before.save(call)
    return Loop(Kernel(database))


def test_calls_in_their_order_are_answered_ahead(loop: Loop) -> None:
    calls = [loop.call(call) for call in range(40)]
    assert [content for _, content in calls] == [b"%d" % call for call in range(40)]
    asked = [call for call, (expected, _) in enumerate(calls) if not expected]
    # The first two tell the order; then 8, 16 and 32 are read.
    assert asked == [0, 1, 10, 27]


def test_calls_in_another_order_ask_one_by_one(loop: Loop) -> None:
    asked = [not loop.call(call)[0] for call in range(39, -1, -1)]
    assert all(asked)
    assert not loop.call(3)[0]


def test_what_other_cells_and_functions_made_between_is_passed_over(
    database: Database,
) -> None:
    before, other = Loop(Kernel(database)), Loop(Kernel(database), "three")
    for call in range(6):
        before.save(call)
        before.save(call, b"another's", function="tell")
        other.save(call)
    loop = Loop(Kernel(database))
    assert [loop.call(call)[0] for call in range(6)] == [False, False] + [True] * 4
    other = Loop(loop.kernel, "three")
    assert other.call(3) == (False, b"3")
    assert loop.call(5, "tell") == (False, b"another's")


def test_a_call_is_asked_for_after_a_commit_elsewhere(loop: Loop) -> None:
    assert [loop.call(call)[0] for call in range(3)] == [False, False, True]
    elsewhere(loop.kernel.database, "UPDATE apps SET last_seen_at = 1")
    assert not loop.call(3)[0]
    assert loop.call(4) == (True, b"4")


def test_a_call_that_was_cleared_is_not_answered(loop: Loop) -> None:
    assert [loop.call(call)[0] for call in range(3)] == [False, False, True]
    database = loop.kernel.database
    assert clearing.clear_key(database, f"ask/P_{loop.key(3).hash}.pickle")
    assert ahead.expected(database, loop.key(3), loop.owner) is None
    assert not entries.candidates(database, loop.key(3), loop.owner)


def test_no_more_bytes_are_read_ahead_than_a_little(database: Database) -> None:
    before = Loop(Kernel(database))
    for call in range(40):
        before.save(call, b"%2d" % call * 30_000)
    loop = Loop(Kernel(database))
    asked = [not loop.call(call)[0] for call in range(40)]
    # 17 of 60 kB are a megabyte.
    assert asked.count(True) == 4 and asked[:2] == [True, True]


def test_a_row_that_cannot_be_right_costs_its_own_call_alone(loop: Loop) -> None:
    with loop.kernel.database.writing() as connection:
        connection.execute(
            "UPDATE blobs SET content = 7 WHERE digest = ?", (sha256(b"3").digest(),)
        )
    assert [loop.call(call)[1] for call in range(3)] == [b"0", b"1", b"2"]
    assert loop.call(4)[1] == b"4"


def test_files_of_the_next_cells_are_fetched_from_the_disk(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = Kernel(database)
    values = {name: name.encode() * blobs.INLINE_BYTES for name in CELLS}
    for name, value in values.items():
        before.save(name, value)
        before.met(name)
    lookups.flush()
    fetched: list[str] = []
    monkeypatch.setattr(blobfile, "CAN_PREFETCH", True)
    monkeypatch.setattr(blobfile, "prefetch", fetched.append)
    # Where it is known that it has ended.
    monkeypatch.setattr(blobs, "alongside", lambda work: work())
    kernel = Kernel(database)
    for name in CELLS:
        (found, *_) = kernel.find(name)
        ahead.fetch_ahead(database, kernel.roll, found)
    names = [sha256(values[name]).hexdigest() for name in CELLS]
    assert [Path(path).stem for path in fetched] == names[1:]


def test_the_files_that_are_fetched_go_ahead_by_some_megabytes() -> None:
    def large(number: int) -> Found:
        name = f"00/{number:064x}.npy"
        item = StoredItem(
            str(number), "npy", b"%d" % number, 0, 20 << 20, 0, name, None
        )
        return Found(number, 1, True, 0.0, [item])

    founds = [large(number) for number in range(1, 11)]
    upcoming = Upcoming(founds)
    told = [len(upcoming.files_after(found)) for found in founds]
    assert told == [4, 1, 1, 1, 1, 1, 0, 0, 0, 0]
    assert upcoming.files_after(large(11)) == []


def test_an_entry_that_was_not_expected_ends_no_hints() -> None:
    item = StoredItem("2", "npy", b"2", 0, 1, 0, f"00/{2:064x}.npy", None)
    first, second = Found(1, 1, True, 0.0, []), Found(2, 1, True, 0.0, [item])
    upcoming = Upcoming([first, second])
    assert upcoming.files_after(Found(3, 1, True, 0.0, [])) == []
    assert len(upcoming.files_after(first)) == 1
