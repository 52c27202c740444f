"""What differs between a lookup and an earlier entry of its cell, of what both tell
themselves. Pure: `why.py` looks into the database.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from marimo_cellar import _marimo
from marimo_cellar.database.apps import versions_in
from marimo_cellar.entries import inputs
from marimo_cellar.entries.inputs import Inputs
from marimo_cellar.lookups.reasons import Reason
from marimo_cellar.notebook.titles import title_of

if TYPE_CHECKING:
    from marimo_cellar.lookups.lookup import Lookup


class Earlier(NamedTuple):
    """An entry of the cell. `node` is None where that is not recorded."""

    entry_id: int
    hash: str
    cache_type: str
    node: bytes | None
    created_at: float
    versions: str
    inputs: str | None


def by_content(lookup: Lookup, earlier: Earlier) -> bool:
    """Whether what both stand on is all in their inputs, and no ancestor's code is."""
    known = lookup.inputs is not None and (
        earlier.inputs is not None or earlier.cache_type == "P"
    )
    return known and lookup.key.cache_type in "PC" and earlier.cache_type in "PC"


def inputs_apart(
    lookup: Lookup, earlier: Earlier, own: bool
) -> tuple[list[str], list[Reason]]:
    """The variables that hold something else, and the modules of other versions."""
    then = inputs.parse(earlier.inputs) or Inputs()
    now = lookup.inputs or Inputs()
    names = sorted(
        name
        for name in then.values.keys() | now.values.keys()
        if then.values.get(name) != now.values.get(name)
    )
    if own or not (then.values and now.values):
        # New code uses other names.
        names = [one for one in names if one in then.values and one in now.values]
    modules: list[Reason] = [
        {"kind": "module", "name": name, "before": before, "now": now.modules[name]}
        for name, before in sorted(then.modules.items())
        if now.modules.get(name, before) != before
    ]
    return names, modules


def versions_apart(earlier: Earlier) -> list[Reason]:
    """The versions that any result depends on: of Python's bytecode, of the format."""
    then, now = versions_in(earlier.versions), _marimo.versions()
    found: list[Reason] = []
    before, after = str(then.get("python", "")), str(now["python"])
    if before and before.split(".")[:2] != after.split(".")[:2]:
        found.append({"kind": "python", "before": before, "now": after})
    if "marimo" in then and then.get("cache") != now["cache"]:
        found.append(
            {
                "kind": "marimo",
                "before": str(then["marimo"]),
                "now": str(now["marimo"]),
            }
        )
    return found


def ancestors_of(lookup: Lookup) -> set[str]:
    """The kernel's ids of the cells that the lookup's depends on."""
    notebook, cell = lookup.owner.notebook, lookup.owner.cell
    if notebook is None or cell is None:
        return set()
    found: set[str] = set()
    waiting = list(cell.parents)
    while waiting:
        kernel_id = waiting.pop()
        if kernel_id not in found:
            found.add(kernel_id)
            waiting.extend(notebook.by_kernel_id[kernel_id].parents)
    return found


def origin_of(lookup: Lookup, name: str) -> Mapping[str, object]:
    """The cell that a variable comes from, if that is another one.

    A name that the cell depends on nobody for is an argument of a cached function,
    whatever other cells call by it.
    """
    notebook = lookup.owner.notebook
    above = ancestors_of(lookup)
    for cell in notebook.cells if notebook is not None else ():
        if name in cell.defs and cell.kernel_id in above:
            cell_id = lookup.owner.roll.ids.get(cell.kernel_id)
            title = title_of(cell.name, cell.code)
            return {
                **({} if cell_id is None else {"cell": cell_id}),
                **({"title": title} if title else {}),
            }
    return {}


def titles_of(lookup: Lookup) -> Mapping[int, str]:
    """What the cells of the lookup's notebook are called, by our ids of them."""
    notebook = lookup.owner.notebook
    return {
        lookup.owner.roll.ids[cell.kernel_id]: title
        for cell in (notebook.cells if notebook is not None else ())
        if cell.kernel_id in lookup.owner.roll.ids
        and (title := title_of(cell.name, cell.code))
    }
