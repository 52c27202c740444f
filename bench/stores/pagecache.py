"""Reading from the disk: what the system keeps in memory of files is dropped."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_DROP = Path("/proc/sys/vm/drop_caches")

# In a process of its own: closing a handle on a database would drop the locks that
# SQLite holds in this one.
_ADVISE = """
import os, sys
for folder, _, names in os.walk(sys.argv[1]):
    for name in names:
        file = os.open(os.path.join(folder, name), os.O_RDONLY)
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(file)
"""


def drop(folder: Path) -> None:
    """Drops what is kept of a folder's files, or of all files where that is allowed.

    With everything, the folders' own entries go too, as after a restart.
    """
    os.sync()
    if how() == "drop_caches":
        _DROP.write_text("3")
    else:
        subprocess.run([sys.executable, "-c", _ADVISE, str(folder)], check=True)


def how() -> str:
    """`drop_caches`, or `posix_fadvise` where this user may not do that."""
    return "drop_caches" if os.access(_DROP, os.W_OK) else "posix_fadvise"
