"""The files that a pattern such as `data/*.csv` stands for, as polars, DuckDB and the
module `glob` read it."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from typing import NamedTuple

# Names that are looked at for one pattern: nobody waits for a folder of a million files.
_MOST = 5_000
_WILD = re.compile(r"[*?]")
# Names in a folder of whose matches it is known which they were: VS Code looks, too, and
# again whenever one comes or goes (`src/server/patterns.ts`).
_MOST_LISTED = 2_000


def is_pattern(text: str) -> bool:
    """Whether it stands for other texts than itself."""
    return _WILD.search(text) is not None


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
    most_deep = None if f"**{os.sep}" in path else deep
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


class Names(NamedTuple):
    """The names in one folder that a pattern stands for. `modified_at` is when one came or
    went there last, in Unix seconds; `digest` a SHA-256 of the names."""

    number: int
    modified_at: float
    digest: bytes


def is_of_one_folder(path: str) -> bool:
    """Whether it is a pattern of names in one folder, such as `data/*.csv`."""
    folder, name = os.path.split(path)
    return is_pattern(name) and not is_pattern(folder)


def names_of(path: str) -> Names | None:
    """What an absolute pattern of one folder stands for; None in a folder of very many
    names. Raises OSError where there is no such folder, or it cannot be looked at."""
    folder, name = os.path.split(path)
    modified_at = os.stat(folder).st_mtime
    pattern = _compiled(name)
    found = []
    with os.scandir(folder) as entries:
        for at, entry in enumerate(entries):
            if at >= _MOST_LISTED:
                return None
            if not entry.name.startswith(".") and pattern.fullmatch(entry.name):
                found.append(os.fsencode(entry.name))
    # No name has the byte 0.
    digest = hashlib.sha256(b"\0".join(sorted(found))).digest()
    return Names(len(found), modified_at, digest)
