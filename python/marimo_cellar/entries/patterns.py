"""The files that a pattern such as `data/*.csv` stands for, as polars, DuckDB and the
module `glob` read it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

# Names that are looked at for one pattern: nobody waits for a folder of a million files.
_MOST = 20_000
_WILD = re.compile(r"[*?]")


def matching(path: str) -> list[str]:
    """The files of an absolute, normal path: itself, where it is no pattern.

    `*` and `?` stand for what is within one name, `**` for folders. In folders of too
    many files, only the first ones are found.
    """
    wild = _WILD.search(path)
    if wild is None:
        return [path]
    folder = os.path.dirname(path[: wild.start()])
    pattern = _compiled(path[len(folder) :].lstrip(os.sep))
    deep = path.count(os.sep, wild.start())
    most_deep = None if "**" in path else deep
    return sorted(
        found
        for found in _files(folder, most_deep)
        if pattern.fullmatch(found[len(folder) :].lstrip(os.sep))
    )


def _compiled(pattern: str) -> re.Pattern[str]:
    sep = re.escape(os.sep)
    parts = re.split(rf"(\*\*{sep}|\*+|\?)", pattern)
    within = {"?": f"[^{sep}]", f"**{os.sep}": f"(?:.*{sep})?"}
    return re.compile(
        "".join(
            within.get(part, f"[^{sep}]*") if at % 2 else re.escape(part)
            for at, part in enumerate(parts)
        )
    )


def _files(folder: str, most_deep: int | None) -> Iterator[str]:
    """Of a folder, and of folders in it down to so many; of hidden ones none."""
    left = [(folder, 0)]
    looked = 0
    while left:
        here, deep = left.pop(0)
        try:
            with os.scandir(here) as entries:
                for entry in entries:
                    looked += 1
                    if looked > _MOST:
                        return
                    if entry.name.startswith("."):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        if most_deep is None or deep < most_deep:
                            left.append((entry.path, deep + 1))
                    else:
                        yield entry.path
        except OSError:
            continue
