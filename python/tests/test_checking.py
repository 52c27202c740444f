"""The check of a cache: each thing that may be wrong is found, and nothing else.

In this process, and by `python -m marimo_cellar check`.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import tracemalloc
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from marimo_cellar import SqliteStore
from marimo_cellar.__main__ import main
from marimo_cellar.amounts import told_size
from marimo_cellar.checking import checking, owners, repairing
from marimo_cellar.checking.checking import GRACE, audit
from marimo_cellar.checking.findings import query
from marimo_cellar.checking.owners import owners_of
from marimo_cellar.commands.progress import Progress
from marimo_cellar.database.database import Database, database_in
from tests.make_fixtures import FIXTURES


@pytest.fixture
def database(tmp_path: Path) -> Database:
    """A cache as real kernels wrote it, with values in rows and in files."""
    shutil.copytree(FIXTURES / "python" / "cache", tmp_path / "cache")
    database = database_in(tmp_path / "cache")
    # Of an older format, it is brought up to date by whoever opens it first.
    with database.reading():
        pass
    database.close()
    return database


def change(database: Database, *statements: str) -> None:
    """As an outsider, without what keeps rows in order."""
    with closing(sqlite3.connect(database.path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def a_file(database: Database) -> Path:
    return sorted(database.blobs.glob("*/*"))[0]


def test_the_end_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress("Checking", 0, told_size)
    # The last two values have no bytes.
    for done in (10, 20, 20, 20):
        progress.at(done, 20)
    assert capsys.readouterr().err == "Checking: 20 B of 20 B\n"


@pytest.mark.parametrize("of", ["python", "typescript"])
def test_what_either_language_wrote_is_right(of: str, tmp_path: Path) -> None:
    shutil.copytree(FIXTURES / of / "cache", tmp_path / "cache")
    found = audit(database_in(tmp_path / "cache"), grace=0)
    # The values of the TypeScript fixture are made up, its manifests too.
    assert [one for one in found if (of, one.kind) != ("typescript", "manifest")] == []


def test_where_there_is_no_cache_nothing_is_wrong(tmp_path: Path) -> None:
    assert audit(database_in(tmp_path / "cache")) == []
    assert list(tmp_path.iterdir()) == []


# TypeScript runs the same table, in test/unit/store/checking.test.ts.
CASES = json.loads((FIXTURES.parent / "checks.json").read_text("utf-8"))
CASES.append(
    {
        "kind": "manifest",
        "statements": ["DELETE FROM items WHERE name <> 'manifest'"],
    }
)


@pytest.mark.parametrize(
    ("kind", "statements"), [(case["kind"], case["statements"]) for case in CASES]
)
def test_wrong_rows_are_found(
    kind: str, statements: list[str], database: Database
) -> None:
    change(database, *statements)
    before = database.path.read_bytes()
    assert kind in {problem.kind for problem in audit(database)}
    database.close()
    assert database.path.read_bytes() == before


@pytest.mark.parametrize(
    ("kind", "statements", "owners"),
    [
        (case["kind"], case["statements"], case["owners"])
        for case in CASES
        if "owners" in case
    ],
)
def test_what_is_wrong_is_told_by_cell_and_notebook(
    kind: str, statements: list[str], owners: list[list[str]], database: Database
) -> None:
    change(database, *statements)
    alike = [problem for problem in audit(database) if problem.kind == kind]
    told = {
        (Path(owner.app).name, owner.cell)
        for all_owners in owners_of(database, alike).values()
        for owner in all_owners
    }
    assert alike and told == {(app, cell) for app, cell in owners}


@pytest.mark.parametrize("statements", [case["statements"] for case in CASES])
def test_repair_puts_wrong_rows_right(
    statements: list[str], database: Database
) -> None:
    change(database, *statements)
    # Files whose rows were wrong are for the second round.
    for _ in range(2):
        repairing.repair(database, audit(database, grace=-3600))
    assert audit(database, grace=-3600) == []


def cut_short(file: Path) -> None:
    os.truncate(file, file.stat().st_size - 1)


def one_bit_changed(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)


def a_link(file: Path) -> None:
    shutil.move(file, file.parents[2] / "kept")
    file.symlink_to(file.parents[2] / "kept")


def a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize(
    ("kind", "spoil"),
    [
        ("missing-file", Path.unlink),
        ("missing-file", a_link),
        ("missing-file", a_folder),
        ("wrong-size", cut_short),
        ("wrong-bytes", one_bit_changed),
    ],
)
def test_wrong_files_are_found(
    kind: str, spoil: Callable[[Path], None], database: Database
) -> None:
    file = a_file(database)
    spoil(file)
    found = [(problem.kind, problem.about) for problem in audit(database)]
    assert found == [(kind, file.name.partition(".")[0])]


def test_bytes_are_left_out_when_asked(database: Database) -> None:
    one_bit_changed(a_file(database))
    assert audit(database, with_bytes=False) == []
    cut_short(a_file(database))
    assert [one.kind for one in audit(database, with_bytes=False)] == ["wrong-size"]


def test_what_is_set_aside_already_is_not_found_again(database: Database) -> None:
    file = a_file(database)
    one_bit_changed(file)
    digest = file.name.partition(".")[0]
    change(database, f"UPDATE blobs SET quarantined_at = 1 WHERE digest = x'{digest}'")
    assert audit(database) == []


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("unknown-file", f"ab/ab{'0' * 62}.arrow"),
        ("unknown-file", "ab/of the user.txt"),
        ("unknown-file", "here.txt"),
        ("partial-file", ".partial-10a3a7b2-5d0a-4d0e-8f11-f0c3b1e4d9aa"),
        ("partial-file", "00/.partial-10a3a7b2-5d0a-4d0e-8f11-f0c3b1e4d9aa"),
    ],
)
def test_a_file_without_a_row_counts_after_an_hour(
    kind: str, name: str, database: Database
) -> None:
    path = database.blobs / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"x")
    at = path.stat().st_mtime
    assert audit(database, now=at + GRACE - 1) == []
    found = audit(database, now=at + GRACE + 1)
    assert {(one.kind, one.about) for one in found} == {(kind, f"blobs/{name}")}


def test_links_among_the_folders_are_not_followed(
    database: Database, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "theirs").write_bytes(b"x")
    (database.blobs / "ff").symlink_to(tmp_path / "elsewhere")
    found = audit(database, grace=0)
    assert {(one.kind, one.about) for one in found} == {("unknown-file", "blobs/ff")}


def test_a_page_that_cannot_be_read_is_a_finding(database: Database) -> None:
    with closing(sqlite3.connect(database.path)) as connection:
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'items'"
        ).fetchone()
    with open(database.path, "r+b") as file:
        file.seek((page - 1) * 8192)
        file.write(b"\xff" * 8192)
    assert "unreadable" in {one.kind for one in audit(database)}


def test_a_large_file_is_read_in_pieces(tmp_path: Path) -> None:
    store = SqliteStore(str(tmp_path / "cache"))
    store.put("block/P_large.pickle", bytes(64 * 2**20))
    tracemalloc.start()
    try:
        assert audit(store.database) == []
        assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    finally:
        tracemalloc.stop()


def test_how_far_it_is_can_be_heard(database: Database) -> None:
    heard: list[tuple[int, int]] = []
    assert not list(checking.problems(database, step=lambda *now: heard.append(now)))
    with database.reading() as connection:
        assert connection is not None
        (total,) = connection.execute("SELECT sum(size) FROM blobs").fetchone()
    assert heard[-1] == (total, total)
    assert heard == sorted(heard)


# The command


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    """In marimo's place for a folder's notebooks."""
    return SqliteStore(str(tmp_path / "__marimo__" / "cache"))


def test_check_says_that_nothing_is_wrong(
    store: SqliteStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store.put("block/P_abc.pickle", b"x" * 100_000)
    assert main(["check", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "nothing is wrong" in said and "1 result, 100.0 kB" in said


def test_check_finds_and_repair_puts_right(
    store: SqliteStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(3):
        store.put(f"block/P_{number}.pickle", bytes([number]) * 100_000)
    spoilt, gone, _ = sorted(store.database.blobs.glob("*/*"))
    spoilt.write_bytes(bytes(100_000)[:-1] + b"x")
    gone.unlink()
    assert main(["check", str(tmp_path)]) == 1
    said = capsys.readouterr().out
    assert "2 problems" in said and "wrong-bytes" in said and "missing-file" in said
    assert main(["check", str(tmp_path), "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert [one["kind"] for one in report["problems"]] == [
        one["kind"] for one in report["left"]
    ]
    assert main(["check", str(store.database.path), "--repair"]) == 0
    said = capsys.readouterr().out
    assert "Marked 1 value as damaged" in said and "Removed 1 result" in said
    assert "After it: nothing is wrong" in said and "1 damaged value is" in said
    # What was set aside is kept.
    assert spoilt.exists()
    assert main(["check", str(tmp_path)]) == 0


def test_check_names_cells_and_the_way_out(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    change(
        database,
        "UPDATE blobs SET crc32 = 1 WHERE size = 172",
        "UPDATE cells SET name = NULL, code = '' WHERE cell_id = 9",
        "UPDATE usage SET size = size + 1",
    )
    assert main(["check", str(database.path)]) == 1
    said = capsys.readouterr().out
    folder = database.folder.parents[1]
    assert (
        f"wrong-bytes: arrays of {folder / 'alpha.py'}, (no code) of "
        f"{folder / 'beta.py'}: its bytes are not those that were saved ("
    ) in said
    assert "the next run of a cell computes again" in said
    assert "totals: cache.db: the total of all cells is wrong" in said
    assert main(["check", str(database.path), "--repair", "--json"]) == 0
    wrong, *_ = (
        one
        for one in json.loads(capsys.readouterr().out)["problems"]
        if one["kind"] == "wrong-bytes"
    )
    assert wrong["cells"] == [
        {"notebook": str(folder / "alpha.py"), "cell": "arrays"},
        {"notebook": str(folder / "beta.py"), "cell": None},
    ]


def test_check_asks_once_for_the_cells_of_all_that_is_wrong(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Their values, their entries and their totals are wrong, of each more than one.
    change(
        database,
        "UPDATE blobs SET crc32 = 1",
        "UPDATE items SET seal = seal + 1",
        "UPDATE totals SET entries = entries + 1",
    )
    found = audit(database)
    kinds = Counter(problem.kind for problem in found)
    assert min(kinds[kind] for kind in ("wrong-bytes", "seal", "totals")) > 1, kinds
    asked: list[str] = []

    def counting(database: Database, sql: str, *values: object) -> list[Any]:
        asked.append(sql)
        return query(database, sql, *values)

    monkeypatch.setattr(owners, "query", counting)
    told = owners_of(database, found)
    assert len(asked) == 3
    of_all = "the total of all cells is wrong"
    assert all(told[problem] for problem in found if problem.message != of_all)
    assert owners_of(database, []) == {} and len(asked) == 3


def test_a_check_alone_leaves_a_damaged_database_where_it_is(
    store: SqliteStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store.put("block/P_abc.pickle", b"x")
    store.database.close()
    path = store.database.path
    path.write_bytes(b"not a database at all" * 1000)
    assert main(["check", str(tmp_path)]) == 1
    assert "unreadable" in capsys.readouterr().out
    assert path.read_bytes().startswith(b"not a database")
    assert main(["check", str(tmp_path), "--repair"]) == 0
    said = capsys.readouterr().out
    (aside,) = path.parent.glob("cache.db.damaged-*")
    assert f"set aside as {aside}" in said


def test_check_counts_entries_of_another_cache_format_as_obsolete(
    store: SqliteStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(2):
        store.put(f"block/P_{number}.pickle", b"x")
    with store.database.writing() as connection:
        connection.execute(
            "UPDATE entries SET versions = '{\"cache\": 1}' WHERE entry_id = 1"
        )
    main(["check", str(tmp_path)])
    assert "1 result is obsolete" in capsys.readouterr().out
