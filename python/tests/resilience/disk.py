"""A disk that fails: `faults.c`, built where there is a compiler."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from tempfile import mkdtemp

SOURCE = Path(__file__).with_name("faults.c")


class CannotFail(Exception):
    """Disks cannot be made to fail here; the text says why."""


@lru_cache(maxsize=1)
def library() -> Path:
    """What goes into LD_PRELOAD. Raises `CannotFail`."""
    if sys.platform != "linux":
        raise CannotFail("faults are put between a program and the C library of Linux")
    compiler = shutil.which("cc")
    if compiler is None:
        raise CannotFail("there is no C compiler")
    built = Path(mkdtemp(prefix="cellar-faults-")) / "faults.so"
    done = subprocess.run(
        [compiler, "-shared", "-fPIC", "-O1", "-o", built, SOURCE, "-ldl", "-lpthread"],
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise CannotFail(f"the faults do not compile: {done.stderr[:500]}")
    return built


def failing(folder: Path, **faults: object) -> dict[str, str]:
    """The environment of a program for which the files in a folder fail.

    The faults are those of `faults.c`, in lower case: `full=100_000`. Raises
    `CannotFail`.
    """
    return dict(os.environ) | {
        "LD_PRELOAD": str(library()),
        "CELLAR_FAULTS_IN": os.path.realpath(folder),
        **{
            f"CELLAR_FAULT_{name.upper()}": str(fault) for name, fault in faults.items()
        },
    }
