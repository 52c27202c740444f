"""The memory that saving and loading takes: `python -m tests.memory --megabytes 1000`.

Each figure comes from a process of its own, and is the peak of its resident memory
over what it held before, in MB. `store` puts and gets plain bytes, so that what it
takes besides those bytes is the cache's own. The others save and load values by
marimo's `lazy` loader, whose own copies are the same with files as with Cellar.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

# What a value may take more than with files, and bytes more than themselves.
ALLOWED_MB = 16.0

KINDS = ("store", "pickle", "npy", "arrow")
WORKS = ("save", "load")
SUBJECTS = ("cellar", "files")

_HASH = "dc8sase2Po7xfakuHMeboH0K7PT_DNnDJAXxrXy-dhw"


def measure(folder: Path, kind: str, work: str, subject: str, megabytes: int) -> float:
    """Peak over what was held before, in MB, of one of `WORKS` in a new process.

    A load needs the save before it, in the same folder.
    """
    command = [*(sys.executable, "-m", "tests.memory", "--megabytes", str(megabytes))]
    command += ["--one", str(folder), kind, work, subject]
    done = subprocess.run(
        command,
        cwd=Path(__file__).parents[1],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return float(done.stdout)


def _here(folder: Path, kind: str, work: str, subject: str, megabytes: int) -> float:
    """`measure`, in this process."""
    from marimo_cellar import kernel

    if subject == "cellar":
        kernel.join_process()
    act = _store(folder, work, subject, megabytes)
    if kind != "store":
        act = _loader(folder, kind, work, subject, megabytes)
    before = _peak_from_here()
    # Held until the peak is read, as a notebook would.
    held = act()
    peak = _memory("VmHWM")
    assert held is not None
    return (peak - before) / 1e6


def _store(
    folder: Path, work: str, subject: str, megabytes: int
) -> Callable[[], object]:
    from marimo_cellar import SqliteStore
    from marimo_cellar._marimo import FileStore

    kind = SqliteStore if subject == "cellar" else FileStore
    store = kind(str(folder / subject / "store"))
    if work == "load":
        return lambda: store.get("block/P_x.pickle")
    data = os.urandom(megabytes * 10**6)
    return lambda: store.put("block/P_x.pickle", data)


def _loader(
    folder: Path, kind: str, work: str, subject: str, megabytes: int
) -> Callable[[], object]:
    from marimo_cellar import SqliteLoader, SqliteStore
    from marimo_cellar._marimo import (
        Cache,
        FileStore,
        HashKey,
        LazyLoader,
        LazyStore,
        Store,
    )

    place = str(folder / subject / kind)
    ours = subject == "cellar"
    store: Store = SqliteStore(place) if ours else FileStore(place)
    loader: LazyLoader = (SqliteLoader if ours else LazyLoader)(
        "block", store=LazyStore(store)
    )
    _value(kind, 1)
    if work == "load":

        def load() -> object:
            cache = loader.load_cache(HashKey(_HASH, "Pure"))
            assert cache is not None
            value: Any = cache.defs["value"]
            return value if kind == "pickle" else (value, value.sum())

        return load
    cache = Cache(
        defs={"value": _value(kind, megabytes)},
        hash=_HASH,
        cache_type="Pure",
        stateful_refs=set(),
        hit=False,
        meta={"version": 6, "runtime": 1.0},
    )

    def save() -> object:
        loader.save_cache(cache)
        loader.flush()
        return cache

    return save


def _value(kind: str, megabytes: int) -> Any:
    size = megabytes * 10**6
    if kind == "pickle":
        return os.urandom(size)
    import numpy as np

    numbers = np.random.default_rng(0).random(size // 8)
    if kind == "npy":
        return numbers
    import pandas as pd
    import pyarrow  # noqa: F401

    return pd.DataFrame(numbers.reshape(8, -1).T, columns=list("abcdefgh"))


def _peak_from_here() -> int:
    """Forgets the peak of resident memory; what is resident now, in bytes."""
    # `man 5 proc_pid_clear_refs`.
    Path("/proc/self/clear_refs").write_text("5")
    return _memory("VmRSS")


def _memory(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"this system does not tell {name}")


def main() -> int:
    """Prints a table; 1 if Cellar takes more than is allowed."""
    parser = argparse.ArgumentParser(description="What saves and loads take, in MB.")
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        folder, kind, work, subject = asked.one
        print(_here(Path(folder), kind, work, subject, asked.megabytes))
        return 0
    worst = 0.0
    print(f"{asked.megabytes} MB  cellar  files  over what is allowed to be")
    with tempfile.TemporaryDirectory() as folder:
        for kind in asked.kinds:
            for work in WORKS:
                cellar, files = (
                    measure(Path(folder), kind, work, subject, asked.megabytes)
                    for subject in SUBJECTS
                )
                over = cellar - allowed(kind, work, files, asked.megabytes)
                worst = max(worst, over)
                print(f"{kind:7} {work}  {cellar:7.1f}  {files:7.1f}  {over:7.1f}")
    return int(worst > ALLOWED_MB)


def allowed(kind: str, work: str, files: float, megabytes: int) -> float:
    """What the work takes by itself, in MB; a get holds the bytes it returns."""
    if kind == "store":
        return megabytes if work == "load" else 0.0
    return files


if __name__ == "__main__":
    sys.exit(main())
