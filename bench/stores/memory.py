"""Peak memory of putting and getting a gigabyte, in a process of its own.

The figure is the peak beyond what the process had before, the gigabyte included;
RESULTS.md says how much of it is beyond the gigabyte. Linux alone tells and resets
a process's peak.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from .payloads import SIZES, payload
from .rounds import Case, Turn, in_child
from .subjects import OURS, subject_in

_STATUS = Path("/proc/self/status")
_RESET = Path("/proc/self/clear_refs")


def cases(quick: bool) -> list[Case]:
    if not _RESET.exists():
        return []
    sizes = ("10MB",) if quick else ("1GB",)
    return [
        Case(
            (f"memory/{size}", f"memory-put/{size}", f"memory-get/{size}"),
            OURS,
            partial(_peaks, length=SIZES[size]),
            unit="B",
            warm_up=False,
        )
        for size in sizes
    ]


def _peaks(folder: Path, length: int) -> Turn:
    def turn(name: str, round: int) -> tuple[float, float, float]:
        putting = in_child(lambda: _putting(folder, name, length))
        getting = in_child(lambda: _getting(folder, name))
        shutil.rmtree(folder / name)
        return max(putting, getting), putting, getting

    return turn


def _putting(folder: Path, name: str, length: int) -> float:
    subject = subject_in(folder, name)
    subject.put(-1, b"first")
    subject.settle()
    value = payload(length, 0)

    def put() -> None:
        subject.put(0, value)
        # This process ends without the usual end, and takes along what waits.
        subject.settle()

    return length + _peak_of(put)


def _getting(folder: Path, name: str) -> float:
    subject = subject_in(folder, name)
    subject.get(-1)

    def get() -> object:
        value = subject.get(0)
        assert value is not None, f"{name} has lost what was put"
        # It stays in memory until it is dropped by who asks for this.
        return value

    return _peak_of(get)


def _peak_of(work: Callable[[], object]) -> float:
    """By how many bytes the process grows at most while it works."""
    before = _bytes_of("VmRSS")
    _RESET.write_text("5")
    kept = work()
    peak = _bytes_of("VmHWM")
    del kept
    return float(peak - before)


def _bytes_of(name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB$", _STATUS.read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024
