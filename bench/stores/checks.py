"""Which CRC-32 Cellar has: Python's own zlib, or that of `marimo-cellar[fast]`.

Both are measured in one process, so the module is hidden in the turns of others.
"""

from __future__ import annotations

import sys

# Cellar in an environment with the extra. All else is measured without it, as the
# package is mostly used.
FAST = "cellar[fast]"

_MODULES = ("isal.isal_zlib", "zlib_ng.zlib_ng")
# In bytes; for smaller values the extra makes no difference.
_LARGE = 100_000


def with_fast(subjects: tuple[str, ...], length: int) -> tuple[str, ...]:
    """The subjects that values of so many bytes are measured with."""
    if length < _LARGE:
        return subjects
    after = subjects.index("cellar") + 1
    return (*subjects[:after], FAST, *subjects[after:])


def equip(subject: str) -> None:
    """Has Cellar find what there is in a subject's environment."""
    for module in _MODULES:
        if subject != FAST:
            sys.modules[module] = None  # type: ignore[assignment]
        elif sys.modules.get(module) is None:
            sys.modules.pop(module, None)
    # Not imported here: its import is part of what a notebook's run costs.
    checksums = sys.modules.get("marimo_cellar.values.checksums")
    if checksums is not None:
        checksums._library.cache_clear()
        if subject == FAST and checksums.library() == "zlib":
            raise AssertionError(f"{FAST} has nothing that is faster")
