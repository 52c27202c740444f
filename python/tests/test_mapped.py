"""Large values over mapped files: as marimo restores them, and checked before."""

from __future__ import annotations

import errno
import gc
import inspect
import mmap
import os
import pickle
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from marimo._save.stubs.lazy_stub import BLOB_DESERIALIZERS
from polars.testing import assert_frame_equal, assert_series_equal

from marimo_cellar import SqliteLoader, SqliteStore
from marimo_cellar._marimo import (
    Cache,
    FileStore,
    HashKey,
    LazyLoader,
    LazyStore,
)
from marimo_cellar.entries import contents, entries
from marimo_cellar.kernel import join_process
from marimo_cellar.values import blobfile, mapped, mounts
from marimo_cellar.values.blobfile import MAPPED_BYTES, Damaged

KEY = HashKey(hash="dc8sase2Po7xfakuHMeboH0K7PT_DNnDJAXxrXy-dhw", cache_type="Pure")

ROWS = 200_000
RANDOM = np.random.default_rng(7)


@pytest.fixture(autouse=True)
def as_in_a_kernel() -> None:
    join_process()


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    return SqliteStore(str(tmp_path / "cache"))


def save(loader: Any, value: Any) -> None:
    cache = Cache(
        defs={"value": value},
        hash=KEY.hash,
        cache_type=KEY.cache_type,
        stateful_refs=set(),
        hit=False,
        meta={"version": 6, "runtime": 1.5},
    )
    assert loader.save_cache(cache)
    loader.flush()


def loader_of(store: SqliteStore, verification: str = "on") -> Any:
    options = {"verification": verification}
    if "mode" in inspect.signature(LazyLoader.__init__).parameters:
        # As marimo 0.24 has it.
        options = {"mode": {"on": "verify"}.get(verification, verification)}
    return SqliteLoader("block", store=LazyStore(store), **options)


def load(store: SqliteStore, verification: str = "on") -> Any:
    found = loader_of(store, verification).load_cache(KEY)
    return found.defs["value"] if found is not None else None


def file_of(store: SqliteStore) -> Path:
    (file,) = (path for path in store.database.blobs.rglob("*") if path.is_file())
    return file


ARRAYS = {
    "floats": RANDOM.random(ROWS),
    "of Fortran": np.asfortranarray(RANDOM.random((ROWS // 4, 4))),
    "a view": RANDOM.random((ROWS, 4))[::2, 1:3],
    "big-endian": np.arange(ROWS, dtype=">i8"),
    "complex": RANDOM.random(ROWS) + 1j,
    "booleans": RANDOM.random(ROWS * 8) > 0.5,
    "times": np.arange(ROWS).astype("datetime64[s]"),
    "texts": np.array([f"text {number}" for number in range(ROWS)]),
    "records": np.zeros(ROWS, dtype=[("a", "i4"), ("b", "f8", (2,))]),
    # A third version of the format, which numpy warns about and cannot map.
    "with a name beyond Latin": np.zeros(ROWS, dtype=[("日", "i8")]),
    "objects": np.array([f"text {number}" for number in range(ROWS)], dtype=object),
}


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
@pytest.mark.parametrize("what", ["folder", "pipe"])
def test_what_is_no_file_is_not_waited_for_and_not_left_open(
    tmp_path: Path, what: str
) -> None:
    place = tmp_path / "blob"
    if what == "folder":
        place.mkdir()
    else:
        os.mkfifo(place)
    before = os.listdir("/proc/self/fd")
    for _ in range(3):
        with suppress(Damaged):
            assert blobfile.load(str(place), b"", 1, 0, mapped=False) is None
    assert len(os.listdir("/proc/self/fd")) == len(before)


@pytest.mark.filterwarnings("ignore:Stored array in format 3.0")
@pytest.mark.parametrize("name", ARRAYS)
def test_an_array_is_as_marimo_restores_it(
    name: str, store: SqliteStore, tmp_path: Path
) -> None:
    array = ARRAYS[name]
    save(loader_of(store), array)
    plain = LazyLoader("block", store=LazyStore(FileStore(str(tmp_path / "files"))))
    save(plain, array)
    theirs = plain.load_cache(KEY)
    assert theirs is not None
    expected, restored = theirs.defs["value"], load(store)
    assert type(restored) is type(expected) is np.ndarray
    assert restored.dtype == expected.dtype and restored.shape == expected.shape
    assert np.array_equal(restored, expected)
    assert restored.flags.c_contiguous == expected.flags.c_contiguous
    assert restored.flags.f_contiguous == expected.flags.f_contiguous
    assert restored.flags.aligned and restored.flags.writeable
    assert (_base(restored) is mmap.mmap) == (
        name not in ("objects", "with a name beyond Latin")
    )


def _base(array: Any) -> type:
    while isinstance(array, np.ndarray) and array.base is not None:
        array = array.base
    return type(array)


def test_changing_a_restored_array_never_reaches_the_file(store: SqliteStore) -> None:
    array = RANDOM.random(ROWS)
    save(loader_of(store), array)
    before = file_of(store).read_bytes()
    changed = load(store)
    assert _base(changed) is mmap.mmap
    changed[:] = 0
    changed.sort()
    assert file_of(store).read_bytes() == before
    assert np.array_equal(load(store), array)


def test_a_restored_value_outlives_its_file(store: SqliteStore) -> None:
    array = RANDOM.random(ROWS)
    save(loader_of(store), array)
    restored = load(store)
    loader_of(store).clear()
    assert not any(path.is_file() for path in store.database.blobs.rglob("*"))
    assert np.array_equal(restored, array)
    save(loader_of(store), array * 2)
    assert np.array_equal(restored, array)


PANDAS: dict[str, Any] = {
    "numbers": pd.DataFrame(RANDOM.random((ROWS, 3)), columns=["a", "b", "c"]),
    "one column": pd.DataFrame({"a": RANDOM.random(ROWS)}),
    "few rows": pd.DataFrame(RANDOM.random((2_000, 200))),
    "texts that shrink": pd.DataFrame(
        {"a": ["again and again and again"] * ROWS, "b": [None, 1.5] * (ROWS // 2)}
    ),
    "kinds": pd.DataFrame(
        {
            "c": pd.Categorical(["x", "y"] * (ROWS // 2)),
            "t": pd.date_range("2020", periods=ROWS, freq="s", tz="Europe/Paris"),
            "i": pd.array([1, None] * (ROWS // 2), dtype="Int64"),
        },
        index=pd.Index(RANDOM.random(ROWS), name="by"),
    ),
    "a series": pd.Series(RANDOM.random(ROWS), name="s"),
}


@pytest.mark.parametrize("name", PANDAS)
def test_a_frame_of_pandas_is_as_it_was(name: str, store: SqliteStore) -> None:
    frame = PANDAS[name]
    save(loader_of(store), frame)
    restored = load(store)
    assert type(restored) is type(frame)
    if isinstance(frame, pd.Series):
        pd.testing.assert_series_equal(restored, frame)
    else:
        pd.testing.assert_frame_equal(restored, frame)
    before = file_of(store).read_bytes()
    restored.iloc[0] = restored.iloc[1]
    assert file_of(store).read_bytes() == before


def test_a_frame_is_compressed_only_where_that_saves_half(store: SqliteStore) -> None:
    def size(frame: Any) -> int:
        save(loader_of(store), frame)
        return file_of(store).stat().st_size

    numbers, texts = PANDAS["numbers"], PANDAS["texts that shrink"]
    assert (
        numbers.memory_usage().sum()
        < size(numbers)
        < numbers.memory_usage().sum() * 1.1
    )
    assert size(texts) < texts.memory_usage(deep=True).sum() / 2


POLARS: dict[str, Any] = {
    "numbers": pl.DataFrame(RANDOM.random((ROWS, 3))),
    "kinds": pl.DataFrame(
        {
            "s": [None, "a text of more than twelve bytes"] * (ROWS // 2),
            "b": [True, None] * (ROWS // 2),
            "t": pl.datetime_range(
                pl.datetime(2020, 1, 1),
                pl.datetime(2020, 1, 1) + pl.duration(seconds=ROWS - 1),
                "1s",
                time_zone="Europe/Paris",
                eager=True,
            ),
            "d": pl.Series(range(ROWS)).cast(pl.Duration("us")),
            "y": [b"bytes", b""] * (ROWS // 2),
        }
    ),
    "categories": pl.DataFrame(
        {
            "c": pl.Series(["x", "y"] * (ROWS // 2), dtype=pl.Categorical),
            "e": pl.Series(["x", "y"] * (ROWS // 2), dtype=pl.Enum(["x", "y"])),
            "n": RANDOM.random(ROWS),
        }
    ),
    "nested": pl.DataFrame(
        {"l": [[1, 2], [3]] * (ROWS // 2), "n": RANDOM.random(ROWS)}
    ),
    "a series": pl.Series("s", RANDOM.random(ROWS)),
    "a series without a name": pl.Series(RANDOM.random(ROWS)),
    # As the index of pandas is called in a CSV file.
    "a column without a name": pl.DataFrame({"": range(ROWS), "n": range(ROWS)}),
}


@pytest.mark.parametrize("name", POLARS)
def test_a_frame_of_polars_is_as_it_was(name: str, store: SqliteStore) -> None:
    frame = POLARS[name]
    save(loader_of(store), frame)
    restored = load(store)
    assert type(restored) is type(frame)
    if isinstance(frame, pl.Series):
        assert_series_equal(restored, frame)
        return
    assert restored.schema == frame.schema
    assert_frame_equal(restored, frame)
    before = file_of(store).read_bytes()
    last = restored.columns[-1]
    restored[0, last] = restored[1, last]
    restored.sort(last)
    assert file_of(store).read_bytes() == before


def test_frames_come_from_the_mapping_itself(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What falls back to marimo's own deserialiser would show no difference.
    def no_copy(data: Any, type_hint: str | None = None) -> Any:
        raise AssertionError("copied")

    for suffix in mapped.RESTORING:
        monkeypatch.setitem(
            BLOB_DESERIALIZERS, suffix, mapped.deserialiser(suffix, no_copy)
        )
    for value in (
        ARRAYS["floats"],
        PANDAS["kinds"],
        PANDAS["a series"],
        POLARS["kinds"],
    ):
        save(loader_of(store), value)
        assert load(store) is not None


@pytest.mark.parametrize("verification", ["on", "strict", "off"])
@pytest.mark.parametrize(
    "value",
    [
        ARRAYS["floats"],
        b"x" * (MAPPED_BYTES + 9),
        # Summed in parts.
        RANDOM.bytes(5 * MAPPED_BYTES),
    ],
    ids=["array", "bytes", "parts"],
)
def test_a_wrong_byte_anywhere_in_a_large_value_is_a_miss(
    value: Any, verification: str, store: SqliteStore
) -> None:
    save(loader_of(store, verification), value)
    file = file_of(store)
    good = file.read_bytes()
    for place in (0, 5, len(good) // 2, len(good) - 1):
        file.write_bytes(good[:place] + bytes([good[place] ^ 8]) + good[place + 1 :])
        assert load(store, verification) is None
        with store.database.reading() as connection:
            assert connection is not None
            ((quarantined,),) = connection.execute(
                "SELECT quarantined_at IS NOT NULL FROM blobs WHERE file NOT NULL"
            )
        assert quarantined
        save(loader_of(store, verification), value)
        assert file_of(store).read_bytes() == good
        assert load(store, verification) is not None


@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES])
@pytest.mark.parametrize(
    ("size", "verification"),
    [(100_000, "on"), (MAPPED_BYTES * 2, "on"), (MAPPED_BYTES * 5, "off")],
)
def test_what_the_disk_fails_to_read_is_a_miss_and_written_anew_if_it_is_lost(
    number: int,
    size: int,
    verification: str,
    store: SqliteStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def failing(*_: object) -> bytes:
        raise OSError(number, "the disk fails")

    class Failing(FileIO):
        def read(self, *_: Any) -> Any:
            raise OSError(number, "the disk fails")

        readinto = read

    value = RANDOM.bytes(size)
    save(loader_of(store, verification), value)
    inode = file_of(store).stat().st_ino
    with monkeypatch.context() as patch:
        patch.setattr(blobfile, "FileIO", Failing)
        patch.setattr(os, "pread", failing)
        assert load(store, verification) is None
    save(loader_of(store, verification), value)
    assert (file_of(store).stat().st_ino != inode) == (number == errno.EIO)
    assert load(store, verification) == value


def test_nothing_is_mapped_off_this_machine_and_a_limited_number_on_it(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    array = ARRAYS["floats"]
    save(loader_of(store), array)
    with monkeypatch.context() as patch:
        patch.setattr(mounts, "_known", {})
        patch.setattr(mounts, "_LOCAL", frozenset())
        assert _base(load(store)) is not mmap.mmap
    gc.collect()
    monkeypatch.setattr(blobfile, "_MAPPINGS", len(blobfile._mappings) + 2)
    kept = [load(store) for _ in range(4)]
    assert [_base(one) is mmap.mmap for one in kept] == [True, True, False, False]
    assert all(np.array_equal(one, array) for one in kept)
    kept.clear()
    gc.collect()
    assert _base(load(store)) is mmap.mmap


@pytest.mark.skipif(os.sep != "/", reason="names as Linux has them")
def test_a_mounts_name_is_of_any_bytes() -> None:
    lines = [
        b"1 0 8:1 / / rw - ext4 /dev/a rw\n",
        b"2 1 0:2 / /mnt/a\\040b\\011\\134\xfc\r\x0b rw shared:1 - nfs4 host:/x rw\n",
        b"3 2 8:2 / /mnt/local rw - ext4 /dev/b rw\n",
    ]
    remote = Path(os.fsdecode(b"/mnt/a b\t\\\xfc\r\x0b"))
    for path, local in [
        (Path("/mnt/a"), True),
        (remote, False),
        (remote / "deeper", False),
        (Path("/mnt/local/x"), True),
    ]:
        assert mounts._is_local_in(lines, path) is local


def test_a_signed_pickle_is_not_mapped_and_another_is(store: SqliteStore) -> None:
    kinds = []
    for verification in ("on", "off"):
        save(loader_of(store, verification), RANDOM.bytes(MAPPED_BYTES))
        (key,) = entries.keys_in(store.database)
        (found,) = entries.all_of(store.database, key)
        loaded = contents.load(store.database, found, mapped.FORMATS)
        (data,) = (data for key, data in loaded.contents.items() if "pickle" in key)
        kinds.append(type(data))
        assert len(pickle.loads(data)) == MAPPED_BYTES
    assert kinds == [bytes, mmap.mmap]
