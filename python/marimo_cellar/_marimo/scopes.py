"""A notebook's variables, which marimo goes through with each call of a cached function.

It asks of every variable what its name is in the code, and twice whether it is a module:
in a notebook of hundreds of them, longer than the call's lookup takes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from types import ModuleType
from typing import Any

# Names of variables that are known by what they are in the code, each some 200 bytes.
_NAMES = 10_000
_MODULES = 1_000
# What only names begin with that are private to a cell.
_MANGLED = "_cell_"


def look_through_fast() -> None:
    """Has marimo find the same, without making it anew for each call."""
    from marimo._ast.visitor import ImportData
    from marimo._save import hash

    names = vars(hash)
    unmangle: Callable[..., Any] = names["unmangle_local"]
    if "get_imports" not in names:
        raise AttributeError("get_imports")

    # Nobody changes either of what is made here.
    import_of = lru_cache(maxsize=_MODULES)(ImportData)

    def get_imports(scope: dict[str, Any]) -> dict[str, Any]:
        return {
            name: import_of(module=value.__name__, definition=name)
            for name, value in scope.items()
            if isinstance(value, ModuleType)
        }

    known = lru_cache(maxsize=_NAMES)(unmangle)

    def unmangle_local(name: str, *cell: Any) -> Any:
        # Whichever cell asks, so that cells share what is known of a name.
        return known(name, *cell) if name.startswith(_MANGLED) else known(name)

    names["unmangle_local"] = unmangle_local
    names["get_imports"] = get_imports
