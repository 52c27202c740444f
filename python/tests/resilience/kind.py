"""A kind of cell that made-up notebooks have."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """What a cell does: `v` is the variable that it defines, `n` a number, `dep` a value
    of a cell above, and `of` one that a cell of the kind `needs` defines.

    `seen` is what another cell sees of it, and empty for what defines nothing. A value
    is `handed on` where its text is the same in each run. `imports` are what the
    notebook imports for it, each as after `import`. One `on top` is what marimo writes
    outside of cells' functions: a function or class alone.
    """

    code: str
    seen: str = "type({v}).__name__, {v}"
    needs: str = ""
    handed_on: bool = True
    imports: tuple[str, ...] = ()
    on_top: bool = False


def made_by(
    code: str,
    seen: str = "{v}(1)",
    needs: str = "",
    *imports: str,
    on_top: bool = False,
) -> Kind:
    return Kind(code, seen, needs, False, imports, on_top)


def of(code: str, seen: str, *imports: str) -> Kind:
    return Kind(code, seen, "", False, imports)
