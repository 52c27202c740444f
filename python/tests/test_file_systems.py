"""One database for many where the file system lacks locks in memory, or lets nobody write."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from marimo_cellar import SqliteStore
from tests.kernels import PACKAGE, output_of
from tests.resilience.disk import CannotFail, failing
from tests.test_faults import bound_by_permissions
from tests.test_sharing import Other
from tests.test_store import audit


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    return SqliteStore(str(tmp_path / "cache"))


pytestmark = pytest.mark.usefixtures("heard")


# File systems without shared memory

SAVE = """
    import os, sys
    from marimo_cellar import SqliteStore
    store = SqliteStore(sys.argv[1])
    before = store.get("n/P_1.pickle")
    for number in range(5):
        assert store.put(f"n/P_{number}.pickle", b"x" * (number * 30_000 + 1))
    assert store.get("n/P_2.pickle") == b"x" * 60_001
    with store.database.reading() as connection:
        print(before, *connection.execute("PRAGMA journal_mode").fetchone())
"""


def without_shared_memory(folder: Path) -> dict[str, str]:
    try:
        return failing(folder, shm=1)
    except CannotFail as reason:
        pytest.skip(str(reason))


def test_a_file_system_that_refuses_the_log_gets_a_journal_and_says_so_once(
    store: SqliteStore, tmp_path: Path
) -> None:
    env = without_shared_memory(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", dedent(SAVE), str(store.save_path)],
        cwd=PACKAGE,
        env=env,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "None delete\n"
    assert done.stderr.count("shares no memory") == 1
    # It was found out once.
    assert output_of(SAVE, store.save_path, env=env) == "b'x' delete\n".replace(
        "b'x'", str(b"x" * 30_001)
    )
    audit(store)


def test_a_database_with_a_log_is_used_without_where_that_is_refused(
    store: SqliteStore, tmp_path: Path
) -> None:
    env = without_shared_memory(tmp_path)
    store.put("n/P_1.pickle", b"one")
    # As a kernel leaves it that was killed: the result is in the log alone.
    output_of(
        """
        import os, sys
        from marimo_cellar import SqliteStore
        assert SqliteStore(sys.argv[1]).put("n/P_1.pickle", b"later")
        os._exit(0)
        """,
        store.save_path,
    )
    store.database.close()
    assert output_of(SAVE, store.save_path, env=env) == "b'later' delete\n"
    audit(store)


def test_a_log_that_others_have_in_memory_is_left_to_them(
    store: SqliteStore, tmp_path: Path
) -> None:
    env = without_shared_memory(tmp_path)
    store.put("n/P_1.pickle", b"one")
    printed = output_of(
        """
        import sys
        from marimo_cellar import SqliteStore
        store = SqliteStore(sys.argv[1])
        print(store.get("n/P_1.pickle"), store.put("n/P_2.pickle", b"two"))
        """,
        store.save_path,
        env=env,
    )
    assert printed == "None False\n"
    assert store.get("n/P_1.pickle") == b"one"
    audit(store)


def test_a_stranger_s_database_keeps_its_log(tmp_path: Path) -> None:
    env = without_shared_memory(tmp_path)
    path = tmp_path / "cache" / "cache.db"
    path.parent.mkdir()
    stranger = sqlite3.connect(path)
    stranger.execute("PRAGMA journal_mode = WAL")
    stranger.execute("CREATE TABLE theirs (x)")
    stranger.close()
    output_of(
        """
        import sys
        from marimo_cellar import SqliteStore
        assert not SqliteStore(sys.argv[1]).put("n/P_1.pickle", b"one")
        """,
        path.parent,
        env=env,
    )
    assert sqlite3.connect(path).execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_processes_share_a_database_without_a_log(store: SqliteStore) -> None:
    with store.database.writing():
        pass
    store.database.close()
    connection = sqlite3.connect(store.database.path)
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()
    with Other(store) as one, Other(store) as two:
        for number in range(20):
            assert one.ask("put", f"one/P_{number}.pickle") == "True"
            assert two.ask("put", f"two/P_{number}.pickle") == "True"
            assert store.put(f"three/P_{number}.pickle", b"three")
            assert two.ask("get", f"one/P_{number}.pickle") != "None"
    assert store.database.fold_log()
    audit(store)


# Nothing to be written


@pytest.mark.skipif(sys.platform != "linux", reason="permissions of a superuser")
@pytest.mark.parametrize("what", ["the file", "the folder"])
def test_what_can_only_be_read_is_read_and_nothing_is_left_beside_it(
    what: str, store: SqliteStore
) -> None:
    store.put("n/P_1.pickle", b"one")
    store.database.close()
    spoilt = store.database.path if what == "the file" else store.database.folder
    spoilt.chmod(0o444 if what == "the file" else 0o555)
    try:
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                dedent(
                    """
                    import sys
                    from marimo_cellar import SqliteStore
                    store = SqliteStore(sys.argv[1])
                    for _ in range(2):
                        assert not store.put("n/P_2.pickle", bytes(100_000))
                        print(store.get("n/P_1.pickle"), store.clear("n/P_1.pickle"))
                    """
                ),
                str(store.save_path),
            ],
            cwd=PACKAGE,
            capture_output=True,
            text=True,
            preexec_fn=bound_by_permissions,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout == "b'one' False\n" * 2
        assert done.stderr.count("nothing can be written") == 1
    finally:
        spoilt.chmod(0o755)
    assert not list(store.database.blobs.rglob("*"))
    audit(store)
