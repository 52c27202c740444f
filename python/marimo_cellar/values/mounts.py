"""Whether a file lies on a disk of this machine."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

# File systems of disks and of memory. One that is not listed, such as a network
# mount or a file system in user space, is taken for remote.
_LOCAL = frozenset(
    [
        "bcachefs",
        "btrfs",
        "erofs",
        "ext2",
        "ext3",
        "ext4",
        "f2fs",
        "jfs",
        "overlay",
        "ramfs",
        "reiserfs",
        "squashfs",
        "tmpfs",
        "xfs",
        "zfs",
    ]
)

# A blank, a tab, a line's end or a backslash in a name.
_ESCAPED = re.compile(rb"\\([0-7]{3})")

_known: dict[int, bool] = {}


def is_local(path: Path, device: int) -> bool:
    """False also where that cannot be told. `device` is the file's `st_dev`."""
    if device not in _known:
        _known[device] = _look(path, device)
    return _known[device]


def _look(path: Path, device: int) -> bool:
    if sys.platform == "darwin":
        # The volume that the system and the users' folders are on.
        with suppress(OSError):
            return os.stat("/System/Volumes/Data").st_dev == device
    if not sys.platform.startswith("linux"):
        return False
    # By the path, since on btrfs the device is none that is in this list.
    with suppress(OSError), open("/proc/self/mountinfo", "rb") as lines:
        return _is_local_in(lines, Path(os.path.realpath(path)))
    return False


def _is_local_in(lines: Iterable[bytes], path: Path) -> bool:
    """By the mounts, one a line; their names are bytes, of any encoding."""
    deepest, local = 0, False
    for line in lines:
        # `man 5 proc_pid_mountinfo`: the fifth field is the place, the first
        # after the dash the type. What was mounted last hides the others.
        fields, _, kind = line.partition(b" - ")
        place = Path(os.fsdecode(_ESCAPED.sub(_byte, fields.split(b" ")[4])))
        depth = len(place.parts)
        if depth >= deepest and path.is_relative_to(place):
            deepest, local = depth, kind.split(b" ")[0].decode() in _LOCAL
    return local


def _byte(escaped: re.Match[bytes]) -> bytes:
    return bytes([int(escaped[1], 8)])
