"""Disk that is used, in the blocks that are really taken, folders included."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from .payloads import SIZES, payload
from .rounds import Case, Turn
from .subjects import ALL, subject_in


def cases(quick: bool) -> list[Case]:
    return [
        Case(
            (f"{name}/{size}",),
            ALL,
            partial(_using, size=size, copies=copies, count=100 if quick else 1000),
            unit="B",
            warm_up=False,
        )
        for name, copies in (("disk", 1), ("disk-twice", 2))
        for size in (("1kB",) if quick else ("100B", "1kB", "10kB"))
    ]


def _using(folder: Path, size: str, copies: int, count: int) -> Turn:
    """`copies` is how many keys each value is kept under."""

    def turn(name: str, round: int) -> tuple[float]:
        place = folder / str(round)
        subject = subject_in(place, name)
        for number in range(count):
            subject.put(number, payload(SIZES[size], number // copies))
        subject.close()
        # What the file system has promised but not given out yet is given out now.
        os.sync()
        return (float(_blocks(subject.folder)),)

    return turn


def _blocks(folder: Path) -> int:
    """The bytes of all blocks below a folder, as `du` counts them."""
    total = folder.lstat().st_blocks
    for below, folders, names in os.walk(folder):
        for name in [*folders, *names]:
            total += os.lstat(os.path.join(below, name)).st_blocks
    return total * 512
