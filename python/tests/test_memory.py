"""A save or a load takes no more memory than the value itself, as files do."""

from __future__ import annotations

import gc
import sys
import tracemalloc
from pathlib import Path

import pytest

from marimo_cellar import SqliteLoader, SqliteStore
from marimo_cellar._marimo import Cache, HashKey, LazyStore
from tests.memory import ALLOWED_MB, WORKS, allowed, measure

MEGABYTES = 100


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="Linux tells the peak of a moment"
)
@pytest.mark.parametrize("kind", ["store", "arrow"])
def test_a_value_takes_what_it_takes_with_files(kind: str, tmp_path: Path) -> None:
    for work in WORKS:
        files = measure(tmp_path, kind, work, "files", MEGABYTES)
        cellar = measure(tmp_path, kind, work, "cellar", MEGABYTES)
        assert cellar <= allowed(kind, work, files, MEGABYTES) + ALLOWED_MB, work
        # Neither is below what the value itself needs, so both did the work.
        if work == "load":
            assert min(cellar, files) >= MEGABYTES


def test_nothing_is_kept_of_a_large_text_that_was_saved_and_loaded(
    tmp_path: Path,
) -> None:
    loader = SqliteLoader(
        "block", store=LazyStore(SqliteStore(str(tmp_path / "cache"), behind=True))
    )

    def act(hash: str, text: str) -> None:
        saved = Cache({"v": text}, hash, "Pure", set(), False, {"version": 6})
        assert loader.save_cache(saved)
        loader.flush()
        found = loader.load_cache(HashKey(hash, "Pure"))
        assert found is not None and found.defs["v"] == text

    act("first", "little")
    tracemalloc.start()
    try:
        for number in range(3):
            act(f"large{number}", str(number) * (10 * 2**20))
        gc.collect()
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 10 * 2**20
