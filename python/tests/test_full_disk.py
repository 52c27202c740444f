"""A disk that is full at any byte of a save: a warning, and nothing half."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from marimo_cellar import SqliteLoader, SqliteStore, notices
from marimo_cellar._marimo import Cache, HashKey, LazyStore
from marimo_cellar.checking.checking import audit
from tests import kernels
from tests.conftest import Write, ran

SIZE = 1536 * 1024


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if not sys.platform.startswith("linux"):
        pytest.skip("mounts as Linux does")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "cellar-test", str(folder)],
        capture_output=True,
        text=True,
    )
    if mounted.returncode:
        pytest.skip(f"nothing may be mounted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path, leave: int) -> Path:
    """Takes all room but so many bytes."""
    found = os.statvfs(disk)
    filler = disk / "filler"
    with open(filler, "wb") as file:
        os.posix_fallocate(
            file.fileno(), 0, max(1, found.f_bavail * found.f_frsize - leave)
        )
    return filler


def entry(hash: str, seed: int) -> Cache:
    values = [bytes([seed + size % 200]) * size for size in (300, 50_000, 200_000)]
    return Cache(
        defs={f"v{size}": value for size, value in enumerate(values)},
        hash=hash,
        cache_type="Pure",
        stateful_refs=set(),
        hit=False,
        meta={"version": 6, "runtime": 1.5},
    )


def loaded(loader: Any, hash: str) -> Any:
    found = loader.load_cache(HashKey(hash, "Pure"))
    return found.defs if found is not None else None


@pytest.mark.parametrize("leave", range(0, 512 * 1024, 24 * 1024))
def test_what_was_committed_stays_and_the_rest_is_gone(
    leave: int, disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = SqliteStore(str(disk / "cache"))
    loader = SqliteLoader("block", store=LazyStore(store))
    first, second = entry("first", 0), entry("second", 40)
    loader.save_cache(first)
    loader.flush()
    assert loaded(loader, "first") == first.defs

    filler = fill(disk, leave)
    notices._said.clear()
    caplog.clear()
    for _ in range(2):
        loader.save_cache(second)
        loader.flush()
    said = [one for one in caplog.records if one.name == notices.logger.name]
    assert loaded(loader, "first") == first.defs
    whole = loaded(loader, "second")
    assert whole in (None, second.defs)
    assert len(said) <= 1 and (said or whole is not None)
    assert audit(store.database, now=time.time() + 10**6) == []

    filler.unlink()
    loader.save_cache(second)
    loader.flush()
    assert loaded(loader, "second") == second.defs
    assert audit(store.database, now=time.time() + 10**6) == []


@pytest.mark.parametrize("leave", [0, 100 * 1024])
def test_a_run_goes_on_where_the_disk_is_full(
    leave: int, disk: Path, write: Write, env: dict[str, str]
) -> None:
    notebook = write(
        "full.py",
        big='ran("big"); big = bytes(range(256)) * 1000; str(len(big))',
        small='ran("small"); small = [1, 2, 3]; str(len(big) + len(small))',
    )
    filler = fill(disk, leave)
    env = {**env, "CELLAR_PATH": str(disk / "cache")}
    run = kernels.export(notebook, env)
    (said,) = run.warned
    assert "nothing can be written" in said
    assert ran(notebook) == ["big", "small"]
    assert "256000" in str(run.outputs) and "256003" in str(run.outputs)
    # Once there is room, it is kept again.
    filler.unlink()
    for runs in (["big", "small"], []):
        again = kernels.export(notebook, env)
        assert again.outputs == run.outputs and again.warned == []
        assert ran(notebook) == runs
    database = SqliteStore(str(disk / "cache")).database
    assert audit(database, now=time.time() + 10**6) == []
