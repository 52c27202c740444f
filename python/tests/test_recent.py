"""What a process has read answers again, until anybody writes; and never longer."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path
from textwrap import dedent

import pytest

from marimo_cellar import SqliteStore
from marimo_cellar.database import recent, watching
from marimo_cellar.database.recent import ABSENT, Recent
from marimo_cellar.entries import blobs
from marimo_cellar.entries.blobs import INLINE_BYTES
from marimo_cellar.values import blobfile
from marimo_cellar.values.checksums import seal
from tests.kernels import PACKAGE

pytestmark = pytest.mark.skipif(
    not hasattr(os, "pread"), reason="nothing is watched here"
)

KEY, OTHER = "n/P_one.pickle", "n/P_two.pickle"
SMALL, LARGE = b"small", b"l" * (INLINE_BYTES + 1)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SqliteStore:
    # Other tests of this process may have met as many databases as one watches.
    monkeypatch.setattr(watching, "_handles", {})
    made = SqliteStore(str(tmp_path / "cache"))
    assert made.put(KEY, SMALL) and made.get(KEY) == SMALL
    assert known(made, KEY) == SMALL
    return made


def known(store: SqliteStore, key: str) -> bytes | bool | None:
    """What the store answers without a query: bytes, that it is there or not, None."""
    answer = store.database.connections.recent.answer(key)
    if not answer:
        return answer
    return True if answer.content is None else answer.content


def elsewhere(store: SqliteStore, code: str) -> None:
    """Runs code with `store` in another process, which then ends."""
    head = f"from marimo_cellar import SqliteStore\nstore = SqliteStore({str(store.save_path)!r})\n"
    subprocess.run(
        [sys.executable, "-c", head + dedent(code)],
        check=True,
        env={**os.environ, "PYTHONPATH": str(PACKAGE.parent)},
    )


def test_what_was_read_is_known_and_so_is_what_is_nowhere(store: SqliteStore) -> None:
    assert store.get(OTHER) is None and not store.hit(OTHER)
    assert known(store, OTHER) is ABSENT
    assert known(store, KEY) == SMALL and store.hit(KEY)


def test_what_another_process_clears_or_saves_is_seen(store: SqliteStore) -> None:
    assert store.get(OTHER) is None
    elsewhere(store, f"store.clear({KEY!r}); store.put({OTHER!r}, b'theirs')")
    assert store.get(KEY) is None and not store.hit(KEY)
    assert store.get(OTHER) == b"theirs" and store.hit(OTHER)


def test_what_this_process_saves_or_clears_is_seen(store: SqliteStore) -> None:
    assert store.put(KEY, b"new") and store.get(KEY) == b"new"
    assert store.get(OTHER) is None
    assert store.put(OTHER, b"other") and store.get(OTHER) == b"other"
    assert store.clear(KEY) and store.get(KEY) is None


def test_what_is_known_outlives_what_this_process_saves_of_other_keys(
    store: SqliteStore,
) -> None:
    assert store.get(OTHER) is None and known(store, OTHER) is ABSENT
    for number in range(3):
        assert store.put(f"n/P_{number}.pickle", b"another")
        assert known(store, KEY) == SMALL and known(store, OTHER) is ABSENT
    assert store.put(OTHER, b"other") and known(store, KEY) == SMALL
    assert known(store, OTHER) is None and store.get(OTHER) == b"other"


def test_it_outlives_no_entry_that_takes_anothers_place(store: SqliteStore) -> None:
    assert store.put(OTHER, b"first") and known(store, KEY) == SMALL
    assert store.put(OTHER, b"second")
    assert known(store, KEY) is None


def test_it_outlives_no_commit_of_another_process(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = store.database.connections.recent.ended

    def late(committed: bool) -> None:
        # Between our commit and our look at it.
        monkeypatch.undo()
        elsewhere(store, f"store.put({KEY!r}, b'theirs')")
        ended(committed)

    monkeypatch.setattr(store.database.connections.recent, "ended", late)
    assert store.put(OTHER, b"other")
    assert known(store, KEY) is None and store.get(KEY) == b"theirs"


def test_it_outlives_no_commit_that_follows_a_failed_one(store: SqliteStore) -> None:
    with pytest.raises(ZeroDivisionError), store.database.writing() as connection:
        store.database.connections.recent.committing(connection, [OTHER])
        raise ZeroDivisionError
    elsewhere(store, f"store.put({KEY!r}, b'theirs')")
    assert store.get(OTHER) is None
    assert store.get(KEY) == b"theirs"


def test_what_was_read_before_a_commit_is_not_kept_after_it(store: SqliteStore) -> None:
    recent = store.database.connections.recent
    with store.database.reading() as connection:
        assert connection is not None
        before = recent.before(connection)
    assert store.put(OTHER, b"other")
    recent.keep(before, OTHER, ABSENT)
    assert known(store, OTHER) is None and known(store, KEY) == SMALL
    assert store.get(OTHER) == b"other"


def test_a_folded_log_changes_nothing_and_a_begun_one_is_seen(
    store: SqliteStore,
) -> None:
    assert store.database.fold_log()
    assert known(store, KEY) == SMALL
    elsewhere(store, f"store.put({KEY!r}, b'theirs')")
    assert store.get(KEY) == b"theirs"


@pytest.mark.parametrize(
    "remove",
    [
        lambda path: path.unlink(),
        lambda path: shutil.rmtree(path.parent),
        lambda path: os.rename(path.parent, f"{path.parent}-moved"),
    ],
)
def test_a_database_that_is_gone_answers_nothing(
    store: SqliteStore, remove: Callable[[Path], object]
) -> None:
    remove(store.database.path)
    assert known(store, KEY) is None
    assert store.get(KEY) is None and not store.hit(KEY)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that pass only where a test says so, and a database that is not looked
    for again within one of them."""
    now = [time.monotonic()]
    monkeypatch.setattr(watching, "IN_PLACE_SECONDS", 1.0)
    monkeypatch.setattr(watching, "monotonic", lambda: now[0])
    return now


def test_a_database_that_goes_is_missed_when_it_is_looked_for_again(
    store: SqliteStore, clock: list[float]
) -> None:
    assert known(store, KEY) == SMALL
    os.rename(store.save_path, f"{store.save_path}-moved")
    clock[0] += 0.75
    assert known(store, KEY) == SMALL
    # What answered meanwhile puts that off no further.
    clock[0] += 0.25
    assert known(store, KEY) is None and store.get(KEY) is None
    # And once it is missed, nothing answers for it any more.
    assert known(store, KEY) is None


def test_a_commit_is_seen_where_nothing_is_looked_for(
    store: SqliteStore, clock: list[float]
) -> None:
    assert store.get(OTHER) is None and known(store, OTHER) is ABSENT
    elsewhere(store, f"store.clear({KEY!r}); store.put({OTHER!r}, b'theirs')")
    assert store.get(KEY) is None and store.get(OTHER) == b"theirs"


def test_what_is_saved_in_the_place_of_another_database_is_seen(
    store: SqliteStore, clock: list[float]
) -> None:
    assert not store.hit(OTHER) and known(store, OTHER) is ABSENT
    # A thread that still reads what was there.
    with store.database.reading():
        for file in store.save_path.glob("cache.db*"):
            file.unlink()
        assert store.put(OTHER, b"other")
        assert store.hit(OTHER) and store.get(OTHER) == b"other"
        assert store.get(KEY) is None


def test_an_emptied_database_answers_nothing(store: SqliteStore) -> None:
    store.database.path.write_bytes(b"")
    assert known(store, KEY) is None and store.get(KEY) is None


def test_a_database_in_the_place_of_another_answers_for_itself(
    store: SqliteStore, tmp_path: Path
) -> None:
    theirs = SqliteStore(str(tmp_path / "theirs"))
    assert theirs.put(KEY, b"theirs")
    theirs.database.close()
    for end in ("-wal", "-shm"):
        Path(f"{store.database.path}{end}").unlink()
    os.replace(theirs.database.path, store.database.path)
    assert store.get(KEY) == b"theirs"
    assert known(store, KEY) == b"theirs"


def test_no_answer_outlives_the_connections(store: SqliteStore) -> None:
    store.database.close()
    assert known(store, KEY) is None
    # The last to close takes the log's index along, and the next one makes another.
    elsewhere(store, f"store.clear({KEY!r})")
    assert store.get(KEY) is None


def test_a_large_value_is_known_while_its_file_is_the_same(store: SqliteStore) -> None:
    assert store.put(OTHER, LARGE) and store.get(OTHER) == LARGE
    # Most are read once, so it is kept from the second time on.
    assert known(store, OTHER) is None and store.get(OTHER) == LARGE
    assert known(store, OTHER) == LARGE and store.hit(OTHER)
    (file,) = store.database.blobs.glob("??/*")
    file.write_bytes(LARGE[::-1][:-1] + b"?")
    assert store.get(OTHER) is None
    file.unlink()
    assert not store.hit(OTHER)


def test_a_damaged_value_is_never_known(store: SqliteStore) -> None:
    with store.database.writing() as connection:
        connection.execute("UPDATE blobs SET content = ?", (b"wrong",))
    assert store.get(KEY) is None and known(store, KEY) is not SMALL
    assert not store.hit(KEY)


def test_only_so_much_is_kept(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent, "_MOST_BYTES", 2500)
    monkeypatch.setattr(recent, "_LARGEST_BYTES", 1000)
    keys = [f"n/P_{number}.pickle" for number in range(4)]
    for key in keys:
        assert store.put(key, key.encode() * 60)
    assert store.put(OTHER, b"x" * 1001)
    assert [store.get(key) for key in keys] == [key.encode() * 60 for key in keys]
    assert store.get(OTHER) == b"x" * 1001
    assert [known(store, key) is not None for key in keys] == [False, True, True, True]
    assert known(store, OTHER) is None


def test_without_a_log_nothing_is_kept(tmp_path: Path) -> None:
    store = SqliteStore(str(tmp_path / "cache"))
    assert store.put(KEY, SMALL)
    store.database.close()
    connection = sqlite3.connect(store.database.path)
    assert connection.execute("PRAGMA journal_mode = DELETE").fetchone() == ("delete",)
    connection.close()
    # As an old one may lie there.
    Path(f"{store.database.path}-shm").write_bytes(b"\1" * 32768)
    assert store.get(KEY) == SMALL and known(store, KEY) is None


def test_looking_at_the_log_drops_none_of_our_locks(store: SqliteStore) -> None:
    with store.database.writing() as connection:
        connection.execute("UPDATE cells SET name = 'mine'")
        # A new watch, and the end of it, while this process has the write lock.
        watch = watching.watch(connection, store.database.path)
        assert watch is not None and watch.state()
        del watch
        elsewhere(
            store,
            """
            import sqlite3
            other = sqlite3.connect(store.database.path, timeout=0)
            try:
                other.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                assert "locked" in str(error)
            else:
                raise AssertionError("the lock is gone")
            """,
        )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_of_a_fork_knows_nothing_and_learns_for_itself(
    store: SqliteStore,
) -> None:
    child = os.fork()
    if child == 0:
        fine = known(store, KEY) is None and store.get(KEY) == SMALL
        fine = fine and known(store, KEY) == SMALL and store.put(KEY, b"child's")
        os._exit(0 if fine and store.get(KEY) == b"child's" else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert store.get(KEY) == b"child's"


def in_order(store: SqliteStore, count: int, values: Callable[[int], bytes]) -> None:
    """Saves values by keys that a new store, which knows none of them, then reads."""
    for number in range(count):
        assert store.put(f"n/P_{number}.pickle", values(number))
    store.database.connections.recent = Recent(store.database.path)


def asked(store: SqliteStore, numbers: Iterable[int]) -> list[int]:
    """Gets values; those that were not known."""
    unknown = []
    for number in numbers:
        key = f"n/P_{number}.pickle"
        if known(store, key) is None:
            unknown.append(number)
        assert store.get(key) == b"%d" % number
    return unknown


def test_keys_in_the_order_of_their_saving_are_read_ahead(store: SqliteStore) -> None:
    in_order(store, 40, lambda number: b"%d" % number)
    # The first two tell the order; then 8, 16 and 32 are read.
    assert asked(store, range(40)) == [0, 1, 10, 27]


def test_keys_in_another_order_are_read_one_by_one(store: SqliteStore) -> None:
    in_order(store, 40, lambda number: b"%d" % number)
    assert len(asked(store, range(39, -1, -1))) == 40


def test_of_a_key_that_was_saved_twice_the_newest_is_served(store: SqliteStore) -> None:
    in_order(store, 6, lambda number: b"%d" % number)
    with store.database.writing() as connection:
        # As another notebook's cell may have saved it, before or after.
        connection.execute(
            "INSERT INTO entries (cell_id, cache_name, cache_type, hash, loader,"
            " created_at) SELECT cell_id, 'n', 'C', '4', 'pickle', created_at + 1"
            " FROM entries WHERE hash = '4'"
        )
        connection.execute(
            "INSERT INTO items SELECT i.cell_id, (SELECT max(entry_id) FROM entries),"
            " key, name, format, type_hint, b.digest, ? FROM items AS i,"
            " (SELECT digest FROM items WHERE key = 'n/P_5.pickle') AS b"
            " WHERE key = 'n/P_4.pickle'",
            (seal("n/P_4.pickle", sha256(b"5").digest(), 1),),
        )
    assert asked(store, range(4)) == [0, 1]
    assert known(store, "n/P_4.pickle") is None
    assert store.get("n/P_4.pickle") == b"5"


@pytest.mark.parametrize("content", [b"x", b"", "3", 3])
def test_damaged_bytes_are_not_read_ahead(
    store: SqliteStore, content: bytes | str | int
) -> None:
    in_order(store, 6, lambda number: b"%d" % number)
    with store.database.writing() as connection:
        connection.execute(
            "UPDATE blobs SET content = ? WHERE digest = ?",
            (content, sha256(b"3").digest()),
        )
    assert asked(store, range(3)) == [0, 1]
    assert known(store, "n/P_3.pickle") is None
    assert store.get("n/P_3.pickle") is None
    assert store.get("n/P_4.pickle") == b"4"


def test_files_in_order_are_fetched_from_the_disk_before(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[str] = []
    monkeypatch.setattr(blobfile, "CAN_PREFETCH", True)
    monkeypatch.setattr(blobfile, "prefetch", fetched.append)
    # Where it is known that it has ended.
    monkeypatch.setattr(blobs, "alongside", lambda work: work())

    def value(number: int) -> bytes:
        return b"%03d" % number * INLINE_BYTES

    in_order(store, 20, value)
    for number in range(20):
        assert store.get(f"n/P_{number}.pickle") == value(number)
    names = [sha256(value(number)).hexdigest() for number in range(20)]
    # Whoever asks for three in order may ask for those after them: each once.
    assert [Path(path).stem for path in fetched] == names[3:]
