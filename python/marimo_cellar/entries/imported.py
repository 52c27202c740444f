"""How the files of modules were when their code was loaded, as far as that is known.

What runs is what was loaded, whatever has become of the file since. Python keeps no
time of it, so modules are looked through before anything is computed and at the end of
each run: what was imported since is as its file is then. A reload gives a module
another spec, on which that is kept, and so counts as another import.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from types import ModuleType

# On a module's spec.
_SEEN = "_marimo_cellar_seen"
_PYTHONS_OWN = os.path.dirname(os.__file__) + os.sep
_PACKAGES = tuple(
    f"{os.sep}{name}{os.sep}" for name in ("site-packages", "dist-packages")
)

# The names that were looked at, and those of them that may be modules of the user's.
_known: set[str] = set()
_own: set[str] = set()
# Those at the top that are not, nor is anything within them.
_packages: set[str] = set()
# How many modules there were then.
_count = 0


def note_modules() -> None:
    """Notes how the files are of what was imported or reloaded since it was last called.
    Never raises, and asks no module anything."""
    with suppress(Exception):
        # A look at all of them takes a tenth of a millisecond, which each cell would pay.
        if len(sys.modules) != _count:
            _look_through()
        for name in list(_own):
            if isinstance(module := sys.modules.get(name), ModuleType):
                status_at_import(module)


def _look_through() -> None:
    global _count
    # One step, while other threads import.
    names = set(sys.modules)
    _count = len(names)
    new = names - _known
    _known.update(new)
    # A package comes before what is in it.
    for name in sorted(new):
        top = name.partition(".")[0]
        if top in _packages:
            continue
        module = sys.modules.get(name)
        if _may_be_users(module):
            _own.add(name)
        elif top == name and _file_of(module) is not None:
            _packages.add(name)


def status_at_import(module: ModuleType) -> os.stat_result | None:
    """How a module's file was when this was first asked since it was imported; None for
    a file that was gone then."""
    spec = vars(module).get("__spec__")
    status: os.stat_result | None = getattr(spec, _SEEN, None)
    if status is None:
        status = _status_of(vars(module).get("__file__"))
        if spec is not None and status is not None:
            setattr(spec, _SEEN, status)
    return status


def _file_of(module: object) -> str | None:
    path = vars(module).get("__file__") if isinstance(module, ModuleType) else None
    return path if isinstance(path, str) else None


def _may_be_users(module: object) -> bool:
    path = _file_of(module)
    return (
        path is not None
        and path.endswith(".py")
        and not path.startswith(_PYTHONS_OWN)
        and not any(folder in path for folder in _PACKAGES)
    )


def _status_of(path: object) -> os.stat_result | None:
    try:
        return os.stat(path) if isinstance(path, str) else None
    except (OSError, ValueError):
        return None
