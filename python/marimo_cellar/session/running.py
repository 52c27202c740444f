"""What a kernel is computing since no entry answered: lookups that missed, until their
results are saved or the cell ends without.

Meanwhile the files that are opened are noted. What becomes of a lookup, such as an
error that leaves nothing to save, becomes a reason of it. None of this may cost a run:
whatever fails here, the lookup has one reason fewer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from marimo_cellar import _marimo
from marimo_cellar.entries import entries
from marimo_cellar.entries.made import Made
from marimo_cellar.features import answer
from marimo_cellar.lookups import lookups
from marimo_cellar.lookups.lookup import Lookup
from marimo_cellar.notices import warn_once
from marimo_cellar.session.origins import Origins
from marimo_cellar.values import manifests

if TYPE_CHECKING:
    from marimo_cellar.database.found import Found
    from marimo_cellar.entries import opens
    from marimo_cellar.entries.reads import Read
    from marimo_cellar.entries.workspace import Workspace
    from marimo_cellar.lookups.reasons import Reason

# A script has nobody to say that a cell has ended; what a cached function raised
# stays under way there.
_MOST = 200
# Files of other cells that are kept with a result: each call of a function has its own.
_MOST_BEHIND = 50


class Running:
    """Of one kernel or embedded app, and on its thread."""

    def __init__(self) -> None:
        self._lookups: dict[Lookup, opens.Watch] = {}
        self._origins = Origins()

    def begin(self, lookup: Lookup, key: _marimo.HashKey, evicted: bool) -> None:
        """A lookup missed: its result is being computed from here on.

        `evicted` is whether that may be why: once it is saved again, nobody can tell.
        """

        def begin() -> None:
            from marimo_cellar.entries import imported, opens
            from marimo_cellar.entries.inputs import inputs_of

            # Of a long computation the end is late: their files may be edited by then.
            imported.note_modules()
            lookup.inputs = inputs_of(key)
            if evicted:
                lookup.evicted = entries.evicted_for(lookup.database, lookup.key)
            opens.install()
            while len(self._lookups) >= _MOST:
                self._lookups.pop(next(iter(self._lookups))).end()
            self._lookups[lookup] = opens.Watch()

        _softly(begin)

    def end(self, lookup: Lookup, cache: _marimo.Cache) -> Made:
        """The result of a lookup is there: what it was made of."""
        call = _marimo.call()
        made = Made(lookup.inputs, (), None, call.said if call else None)

        def end() -> None:
            _note_ui(lookup, cache)
            watch = self._lookups.pop(lookup, None)
            if watch is not None:
                self._learn(lookup, watch, made, call.arguments if call else {})

        _softly(end)
        return made

    def serve(self, lookup: Lookup, cache: _marimo.Cache) -> None:
        """An entry answered: what of the cell is to be made anew all the same becomes a
        reason, and what it was made of is known to the cells below."""

        def serve() -> None:
            if lookup.key.is_of_cell:
                _note_ui(lookup, cache)
                self._origins.serve(lookup)

        _softly(serve)

    def _learn(
        self,
        lookup: Lookup,
        watch: opens.Watch,
        made: Made,
        arguments: Mapping[str, object],
    ) -> None:
        """The files that a result was made of. Ends the watch, whatever fails."""
        opened, notebook = watch.end(), lookup.owner.roll.path
        from marimo_cellar.entries.workspace import Workspace, reads_of

        if notebook is None:
            return
        workspace = Workspace(notebook, [lookup.database.folder])
        made.folder = notebook.parent
        named = _named(lookup, arguments, workspace.folder)
        reads = [
            *reads_of(opened, named, notebook, workspace),
            *_modules(lookup, workspace),
            *(read for _, read in islice(self._behind(lookup), _MOST_BEHIND)),
        ]
        # Its own before those of others.
        made.reads = list({read.path: read for read in reversed(reads)}.values())[::-1]
        kernel_id = lookup.owner.kernel_id
        if lookup.key.is_of_cell and kernel_id is not None:
            self._origins.compute(kernel_id, made)

    def made_anew(
        self, lookup: Lookup, key: _marimo.HashKey, found: Found
    ) -> Reason | None:
        """Why an entry does not serve, as it was made of another cell's value that was
        made anew of a changed file since; None if it serves. Never raises."""
        reasons: list[Reason] = []

        def look() -> None:
            cell, notebook = lookup.owner.cell, lookup.owner.roll.path
            if cell is None or notebook is None or not self._origins.may_be_anew(cell):
                return
            from marimo_cellar.entries.inputs import inputs_of
            from marimo_cellar.session.origins import reads_of_entry

            lookup.inputs = inputs_of(key)
            before = reads_of_entry(lookup.database, found.entry_id)
            behind = self._behind(lookup)
            read = self._origins.made_anew(behind, before, notebook.parent)
            if read is not None:
                reasons.append({"kind": "source", "path": read.path})

        _softly(look)
        return reasons[0] if reasons else None

    def _behind(self, lookup: Lookup) -> Iterable[tuple[str, Read]]:
        from marimo_cellar.entries.modules import names_run

        cell, inputs = lookup.owner.cell, lookup.inputs
        if cell is None or inputs is None:
            return ()
        names = names_run(cell.code, called=not lookup.key.is_of_cell)
        hashed = {*inputs.values, *inputs.modules}
        return self._origins.behind(cell, names, hashed)

    def end_cell(self, error: str | None) -> None:
        """A cell has ended; by an error of that class, unless it is None.

        What is still being computed then, nobody will save.
        """
        ended, self._lookups = self._lookups, {}
        for lookup, watch in ended.items():
            _softly(partial(self._end_unsaved, lookup, watch, error))

    def _end_unsaved(
        self, lookup: Lookup, watch: opens.Watch, error: str | None
    ) -> None:
        if error is not None:
            watch.end()
            _add(lookup, {"kind": "raised", "name": _ENDINGS.get(error, error)})
            lookups.note(lookup)
        elif lookup.key.is_of_cell:
            # What could not be saved is of use to other cells all the same.
            self._learn(lookup, watch, Made(None, (), None), {})
        else:
            watch.end()


def _named(
    lookup: Lookup, arguments: Mapping[str, object], folder: str
) -> Iterable[str]:
    """What may be files that a result was made of, by names that its code has for them."""
    from marimo_cellar.entries.named import named_by

    context = _marimo.current_context()
    if context is None:
        return named_by(None, None, arguments, lambda *_: {}, folder)
    function = None if lookup.key.is_of_cell else lookup.key.cache_name
    values = partial(_marimo.values_of, context)
    return named_by(lookup.owner.cell, function, arguments, values, folder)


def _modules(lookup: Lookup, workspace: Workspace) -> list[Read]:
    """The user's own modules that a result was made by."""
    from marimo_cellar.entries.modules import modules_of, names_run

    context, cell = _marimo.current_context(), lookup.owner.cell
    if context is None or cell is None:
        return []
    names = names_run(cell.code, called=not lookup.key.is_of_cell)
    values = _marimo.values_of(context, cell.kernel_id, names)
    hashed = lookup.inputs.values if lookup.inputs else ()
    return modules_of(values, hashed, workspace)


# What marimo raises itself, as people know it.
_ENDINGS = {"MarimoStopError": "mo.stop", "MarimoInterrupt": "KeyboardInterrupt"}


def changes_others(lookup: Lookup) -> bool:
    """Whether a cell changes what it does not define, so that no entry serves and none is
    to be saved; noted. Never raises."""

    def look() -> None:
        cell = lookup.owner.cell
        if cell is None:
            return
        from marimo_cellar.session.changing import changed_by

        names = changed_by(cell)
        definers = {
            kernel_id
            for kernel_id in cell.parents
            if not cell.graph.by_kernel_id[kernel_id].defs.isdisjoint(names)
        }
        # Of a table that it makes, another cell has no value either.
        itself = {cell.kernel_id} if names else ()
        _marimo.note_changes(
            cell.kernel_id, names, definers.union(itself), lookup.key.hash
        )
        if names:
            # marimo keeps what it hashed an array or a frame to, for other cells.
            _marimo.forget_hashes(names)
            _add(lookup, {"kind": "changes", "names": names})

    _softly(look)
    return is_of_no_use(lookup)


def is_of_no_use(lookup: Lookup | None) -> bool:
    """Whether the result of a lookup would not be served."""
    return lookup is not None and any(
        reason["kind"] == "changes" for reason in lookup.reasons
    )


def note_unsaved(lookup: Lookup | None, manifest: Any) -> None:
    """An entry is written, of some of whose values only the types could be saved.

    A cell that lacks only names of its own is served as any other: marimo runs it
    again for those that another cell uses, and no other can use these. Of the rest,
    the reason has those that no other cell uses as the notebook stands.
    """

    def note() -> None:
        names = manifests.unserialised(manifest) if manifest is not None else []
        if lookup is not None and lookup.key.is_of_cell:
            names = [name for name in names if not _marimo.is_local(name)]
        if lookup is not None and names:
            unused = _unused(lookup, names)
            more = {"unused": unused} if unused else {}
            _add(lookup, {"kind": "unpicklable", "names": names, **more})
            lookups.note(lookup)

    _softly(note)


def _unused(lookup: Lookup, names: Iterable[str]) -> list[str]:
    """The names, of variables of the lookup's cell, that no other cell uses.

    A word in the code of a cell below it may be one; only marimo could tell for sure.
    """
    notebook, own = lookup.owner.notebook, lookup.owner.kernel_id
    if not lookup.key.is_of_cell or notebook is None or own is None:
        return []
    below = [cell.code for cell in notebook.cells if own in cell.parents]
    words = set().union(*(re.findall(r"\w+", code) for code in below))
    return [name for name in names if name not in words]


def note_unpicklable(lookup: Lookup | None, names: Iterable[str]) -> None:
    """An entry is not written, since there is no way to save its value."""
    if lookup is not None:
        _add(lookup, {"kind": "unpicklable", "names": sorted(names) or ["return"]})
        lookups.note(lookup)


def note_full(lookup: Lookup | None) -> None:
    """An entry is not written, since the disk had no room for it. Never raises."""

    def note() -> None:
        if lookup is not None:
            _add(lookup, {"kind": "full"})
            lookups.note(lookup)

    _softly(note)


def _note_ui(lookup: Lookup, cache: _marimo.Cache) -> None:
    # A block or a function is served all the same.
    if not lookup.key.is_of_cell:
        return
    none: list[str] = []
    names = answer(
        "telling that a cell makes UI elements",
        "It is shown as any other.",
        lambda: [
            name
            for name, value in cache.defs.items()
            if name not in cache.stateful_refs
            and not _marimo.is_local(name)
            and _marimo.is_ui(value)
        ],
        none,
    )
    if names:
        _add(lookup, {"kind": "ui", "names": sorted(names)})


def _add(lookup: Lookup, reason: dict[str, object]) -> None:
    if reason not in lookup.reasons:
        lookup.reasons.append(reason)


def _softly(do: Callable[[], None]) -> None:
    try:
        do()
    except Exception as error:
        warn_once("why", "", f"why a result is not cached was not noted ({error!r}).")
