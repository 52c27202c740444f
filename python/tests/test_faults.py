"""What a fault costs: one warning and a miss, never a run, a result or a file."""

from __future__ import annotations

import ctypes
import os
import pickle
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import marimo
import pytest

from tests.conftest import Write, outcomes, ran
from tests.kernels import cache_of, change, export, put_instead, query


@pytest.fixture
def pair(write: Write) -> Path:
    return write(
        "pair.py",
        big='ran("big"); big = bytes(range(256)) * 1000; str(len(big))',
        small='ran("small"); small = [1, 2, 3]; str(len(big) + len(small))',
    )


def of_another_program(file: Path) -> None:
    import sqlite3

    file.unlink()
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()


def with_a_trigger_of_a_stranger(file: Path) -> None:
    import sqlite3

    connection = sqlite3.connect(file)
    connection.execute(
        "CREATE TRIGGER theirs AFTER INSERT ON entries BEGIN DELETE FROM blobs; END"
    )
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def of_a_newer_version(file: Path) -> None:
    import sqlite3

    connection = sqlite3.connect(file)
    connection.execute("PRAGMA user_version = 2003")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (of_another_program, "not a cache that Cellar wrote"),
        (with_a_trigger_of_a_stranger, "not a cache that Cellar wrote"),
        (of_a_newer_version, "format 2.3); this one reads up to"),
    ],
)
def test_a_database_that_cannot_be_used_is_left_alone_and_reported_once(
    spoil: Callable[[Path], None], said: str, pair: Path, env: dict[str, str]
) -> None:
    good = export(pair, env)
    assert good.warned == []
    ran(pair)
    # Another large value than the one that has its file already.
    pair.write_text(pair.read_text().replace("range(256)", "reversed(range(256))"))
    for log in cache_of(pair).glob("cache.db-*"):
        # The kernel was ended by the export: its log is folded by whoever opens.
        change(pair, "SELECT count(*) FROM apps")
        log.unlink(missing_ok=True)
    file = cache_of(pair) / "cache.db"
    spoil(file)
    before = file.read_bytes()
    blobs = sorted(cache_of(pair).glob("blobs/*/*"))
    for _ in range(2):
        run = export(pair, env)
        assert ran(pair) == ["big", "small"]
        assert run.outputs == good.outputs
        (warning,) = run.warned
        assert said in warning and str(file) in warning
        assert file.read_bytes() == before
        assert sorted(cache_of(pair).glob("blobs/*/*")) == blobs


def cut_short(blob: Path) -> None:
    blob.write_bytes(blob.read_bytes()[:-1])


def one_bit_changed(blob: Path) -> None:
    data = bytearray(blob.read_bytes())
    data[len(data) // 2] ^= 1
    blob.write_bytes(data)


def gone(blob: Path) -> None:
    blob.unlink()


def a_link(blob: Path) -> None:
    kept = blob.with_name("kept")
    blob.rename(kept)
    blob.symlink_to(kept)


@pytest.mark.parametrize("spoil", [cut_short, one_bit_changed, gone, a_link])
def test_a_spoilt_blob_is_a_miss_for_its_cell_alone(
    spoil: Callable[[Path], None], pair: Path, env: dict[str, str]
) -> None:
    good = export(pair, env)
    ran(pair)
    (file,) = query(pair, "SELECT file FROM blobs WHERE file IS NOT NULL")[0]
    blob = cache_of(pair) / "blobs" / file
    content = blob.read_bytes()
    spoil(blob)
    before = query(pair, "SELECT max(lookup_id) FROM lookups")[0][0]
    run = export(pair, env)
    assert run.outputs == good.outputs
    assert ran(pair) == ["big"]
    assert outcomes(pair, before)["small"] == "hit"
    (why,) = query(
        pair,
        "SELECT why FROM lookups JOIN cells USING (cell_id)"
        " WHERE name = 'big' ORDER BY lookup_id DESC LIMIT 1",
    )[0]
    assert "missing" in why or "damaged" in why
    # The result was saved again, in the place of what was wrong.
    assert blob.read_bytes() == content
    assert query(pair, "SELECT quarantined_at FROM blobs WHERE file NOT NULL") == [
        (None,)
    ]
    export(pair, env)
    assert ran(pair) == []


@pytest.mark.parametrize(
    "spoil",
    [
        "UPDATE blobs SET content = zeroblob(size) WHERE content NOT NULL",
        "UPDATE blobs SET crc32 = crc32 + 1",
        "UPDATE items SET seal = seal + 1",
        "UPDATE items SET digest = (SELECT digest FROM blobs WHERE blob_id = 1)",
        "UPDATE blobs SET file = '../../../pair.py' WHERE file NOT NULL",
        "UPDATE blobs SET file = NULL, content = x'00' WHERE file NOT NULL",
        "DELETE FROM items WHERE name <> 'manifest'",
        "DELETE FROM items WHERE name = 'manifest'",
    ],
)
def test_wrong_rows_are_misses_and_run_right(
    spoil: str, pair: Path, env: dict[str, str]
) -> None:
    good = export(pair, env)
    change(pair, spoil)
    run = export(pair, env)
    assert run.outputs == good.outputs
    assert run.warned == []
    # What was wrong is right again.
    ran(pair)
    assert export(pair, env).outputs == good.outputs
    assert ran(pair) == []


def test_a_manifest_of_another_entry_is_a_miss(pair: Path, env: dict[str, str]) -> None:
    export(pair, env)
    ran(pair)
    change(
        pair,
        "UPDATE entries SET hash = (SELECT hash FROM entries AS other JOIN cells"
        " USING (cell_id) WHERE name = 'big') WHERE cell_id ="
        " (SELECT cell_id FROM cells WHERE name = 'small')",
    )
    change(
        pair,
        "DELETE FROM entries WHERE cell_id ="
        " (SELECT cell_id FROM cells WHERE name = 'big')",
    )
    run = export(pair, env)
    assert ran(pair) == ["big", "small"]
    assert run.warned == []


def test_a_pickle_that_restores_to_something_else_is_a_miss(
    write: Write, env: dict[str, str]
) -> None:
    notebook = write(
        "block.py",
        cached=False,
        block="""
            with mo.persistent_cache("block"):
                ran("block"); x = [1]
        """,
        after="str(x)",
    )
    good = export(notebook, env)
    for content in (pickle.dumps({"not": "a cache"}), b"\x80\x05garbage"):
        ran(notebook)
        (key,) = query(notebook, "SELECT key FROM items")[0]
        put_instead(notebook, key, content)
        run = export(notebook, env)
        assert ran(notebook) == ["block"]
        assert run.outputs == good.outputs


def bound_by_permissions() -> None:
    """Makes a superuser obey permission bits as everyone else does."""
    if os.geteuid() == 0:
        pr_capbset_drop, dac_override, dac_read_search = 24, 1, 2
        libc = ctypes.CDLL(None)
        for capability in (dac_override, dac_read_search):
            if libc.prctl(pr_capbset_drop, capability, 0, 0, 0) != 0:
                os._exit(97)


@pytest.mark.skipif(sys.platform == "win32", reason="permission bits")
def test_beside_a_notebook_that_nothing_may_be_written_to_is_one_warning(
    pair: Path, env: dict[str, str]
) -> None:
    if os.geteuid() == 0 and sys.platform != "linux":
        pytest.skip("a superuser writes everywhere here")
    # Where no run has made it, marimo would make the folder to look into it.
    trace = pair.parent / "ran.txt"
    trace.touch()
    pair.parent.chmod(0o555)
    try:
        run = export(pair, env, preexec_fn=bound_by_permissions)
    finally:
        pair.parent.chmod(0o755)
    assert ran(pair) == ["big", "small"]
    (warning,) = run.warned
    assert str(cache_of(pair)) in warning and "CELLAR_PATH" in warning
    assert not cache_of(pair).exists()


@pytest.mark.skipif(sys.platform == "win32", reason="permission bits")
@pytest.mark.parametrize("filled", [True, False])
def test_a_folder_that_cannot_be_written_is_read(
    filled: bool, pair: Path, env: dict[str, str]
) -> None:
    if os.geteuid() == 0 and sys.platform != "linux":
        pytest.skip("a superuser writes everywhere here")
    (pair.parent / "__marimo__").mkdir()
    cache = cache_of(pair)
    cache.mkdir()
    if filled:
        good = export(pair, env)
        ran(pair)
        change(
            pair,
            "DELETE FROM entries WHERE cell_id ="
            " (SELECT cell_id FROM cells WHERE name = 'small')",
        )
        # As it is when the last process has closed it.
        change(pair, "SELECT count(*) FROM apps")
    folders = [cache, *(path for path in cache.rglob("*") if path.is_dir())]
    before = sorted(path.name for path in cache.rglob("*"))
    for folder in folders:
        folder.chmod(0o555)
    try:
        run = export(pair, env, preexec_fn=bound_by_permissions)
        assert ran(pair) == (["small"] if filled else ["big", "small"])
        (warning,) = run.warned
        assert "nothing can be written" in warning and str(cache) in warning
        if filled:
            assert run.outputs == good.outputs
        assert sorted(path.name for path in cache.rglob("*")) == before
    finally:
        for folder in folders:
            folder.chmod(0o755)


def lacking(name: str, shipped: Path, folder: Path) -> Path:
    """A copy of the package that asks marimo for another name, which none has."""
    shutil.copytree(shipped, folder)
    touches = {
        path: path.read_text()
        for path in (folder / "marimo_cellar" / "_marimo").glob("*.py")
    }
    assert any(name in text for text in touches.values())
    for path, text in touches.items():
        path.write_text(text.replace(name, "Gone"))
    return folder


def test_a_marimo_that_lacks_a_name_is_left_as_it_is(
    pair: Path, env: dict[str, str], shipped: Path, tmp_path: Path
) -> None:
    broken = lacking("FileStore, Store", shipped, tmp_path / "broken")
    run = export(pair, env | {"PYTHONPATH": str(broken)})
    assert ran(pair) == ["big", "small"]
    (warning,) = run.warned
    assert f"marimo {marimo.__version__} lacks" in warning
    assert "Gone" in warning and "cached by marimo itself" in warning
    export(pair, env | {"PYTHONPATH": str(broken)})
    assert ran(pair) == []
    assert list(cache_of(pair).rglob("*.jsonl"))
    assert not (cache_of(pair) / "cache.db").exists()


@pytest.mark.parametrize(
    ("name", "features"),
    [
        (
            "BLOB_SERIALIZERS",
            ["saving what is of a notebook's own", "writing long data"],
        ),
        ("_touched_keys", ["shipping a cache"]),
        ("toml_reader", ["reading settings from files"]),
        ("get_notebook_status", ["knowing cells by their names"]),
        ("_sha256hex", ["hashing a signed value once"]),
        ("BLOB_DESERIALIZERS", ["reading large values without a copy"]),
        ("_finalize_cache_update", ["telling the calls of a cached function apart"]),
        ("Priority", ["waiting for saves at the end of a run"]),
        (
            "SerialRefs",
            [
                "hashing what marimo fails to hash",
                "making what functions need",
                "telling that a function was edited within",
                "telling that numbers were drawn of a generator",
            ],
        ),
        (
            "CachedLifecycle",
            [
                "going on with random numbers after a cell",
                "making what functions need",
                "running cells for which marimo fails to make a key",
                "setting again what a cell sets",
                "showing again what a cell printed",
                "showing the rows of a query",
                "telling that another cell did something else",
            ],
        ),
    ],
)
def test_a_name_that_a_feature_needs_costs_that_feature_alone(
    name: str,
    features: list[str],
    pair: Path,
    env: dict[str, str],
    shipped: Path,
    tmp_path: Path,
) -> None:
    broken = {"PYTHONPATH": str(lacking(name, shipped, tmp_path / "broken"))}
    # A function beside the cells, so that marimo is asked what the file's cells are.
    pair.write_text(pair.read_text() + "\ndef aside(): ...\n")
    good = export(pair, env)
    ran(pair)
    # Served from what was saved before, by all that goes without the feature.
    run = export(pair, env | broken)
    assert run.outputs == good.outputs
    assert ran(pair) == []
    # Without the time that each begins with.
    lacks = f"marimo {marimo.__version__} lacks what "
    told = sorted(warning.partition(lacks)[2] for warning in run.warned)
    for lacked, feature in zip(told, features, strict=True):
        assert lacked.startswith(feature)


def test_where_no_other_store_can_be_seen_marimos_own_is_left(
    pair: Path, env: dict[str, str], shipped: Path, tmp_path: Path
) -> None:
    broken = lacking("get_default_config_manager", shipped, tmp_path / "broken")
    run = export(pair, env | {"PYTHONPATH": str(broken)})
    (warning,) = run.warned
    assert "lacks what seeing whether another store is configured takes" in warning
    assert list(cache_of(pair).rglob("*.jsonl"))
    assert not (cache_of(pair) / "cache.db").exists()


def test_a_cache_deleted_under_a_kernel_is_begun_anew(
    write: Write, env: dict[str, str]
) -> None:
    notebook = write(
        "delete.py",
        one='ran("one"); x = 1',
        two="""
            import time
            ran("two")
            y = x + 1
            # Whatever the save of the first is at.
            while not list(mo.notebook_dir().rglob("cache.db")):
                time.sleep(0.001)
            for path in list(mo.notebook_dir().rglob("cache.db*")):
                path.unlink()
        """,
        three='ran("three"); z = y + 1',
    )
    run = export(notebook, env)
    assert ran(notebook) == ["one", "two", "three"]
    assert run.warned == []
    assert "three" in dict(
        query(notebook, "SELECT name, entries FROM cells JOIN totals USING (cell_id)")
    )


def test_a_folder_that_cannot_be_made_is_one_warning(
    pair: Path, env: dict[str, str]
) -> None:
    (pair.parent / "__marimo__").mkdir()
    cache_of(pair).write_text("a file in its place")
    run = export(pair, env)
    assert ran(pair) == ["big", "small"]
    (warning,) = run.warned
    assert "nothing can be written" in warning
