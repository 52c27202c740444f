"""Kernels and embedded apps: a context for each, found by thread."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import lru_cache, wraps
from pathlib import Path
from typing import Any

from marimo._runtime.context import safe_get_context

from marimo_cellar.notebook.notebook import FileCell, KernelCell

# The second is what older notebooks carry.
UNNAMED = ("_", "__")
# What an embedded app without a file calls itself.
_NO_FILE = "<unknown>"
_SESSION = "_cellar_session"
_STARTED = "_cellar_started"


def current_globals() -> dict[str, Any] | None:
    """What the notebook of this thread defines; None where there is none."""
    context = current_context()
    return None if context is None else context.globals


def current_context() -> Any | None:
    """The context of the kernel that this thread runs; None on other threads."""
    return safe_get_context()


def parent_of(context: Any) -> Any | None:
    """The context of the notebook that an app is embedded in."""
    return context.parent


def session_in(context: Any) -> Any | None:
    """What `keep_session` left, which lives as long as the context."""
    return getattr(context, _SESSION, None)


def keep_session(context: Any, session: Any) -> None:
    """Leaves with a context what `session_in` gives."""
    setattr(context, _SESSION, session)


def notebook_path(context: Any) -> Path | None:
    """The notebook's file, absolute; None while it has none."""
    name = context.filename
    if not name or name == _NO_FILE:
        return None
    # An app made in a cell names the file that the cell's code was compiled as.
    if context.parent is not None and not os.path.isfile(name):
        return None
    return Path(os.path.abspath(name))


def renamed_path(context: Any) -> Path | None:
    """Where a notebook is now that was renamed while its kernel runs, absolute.

    marimo tells its kernel, and not the context. None where there is no telling.
    """
    kernel = getattr(context, "_kernel", None)
    name = getattr(getattr(kernel, "app_metadata", None), "filename", None)
    return _absolute(name) if name else None


def _absolute(name: str) -> Path:
    # Asked at every lookup: to make a path takes longer than to find an entry.
    return _known_path(name) if os.path.isabs(name) else Path(os.path.abspath(name))


@lru_cache(maxsize=64)
def _known_path(name: str) -> Path:
    return Path(os.path.abspath(name))


def reloads_modules(context: Any) -> bool:
    """Whether its kernel loads modules anew whose files change, as `auto_reload` has it."""
    while context.parent is not None:
        context = context.parent
    # A script has no kernel.
    kernel = getattr(context, "_kernel", None)
    return kernel is not None and kernel.autoreload_manager.reloader is not None


def running_cell(context: Any) -> str | None:
    """marimo's id of the cell that this thread runs; None between cells."""
    execution = context.execution_context
    if execution is None:
        return None
    graph = context.graph.cells
    # In an embedded app's context the ids of the outer graph have a prefix.
    for cell_id in (execution.cell_id, execution.local_cell_id):
        if cell_id is not None and cell_id in graph:
            return str(cell_id)
    return None


def is_cells_own_code(context: Any, namespace: dict[str, Any]) -> bool:
    """Whether these are the globals that the notebook's cells run in."""
    if hasattr(context, "_kernel"):
        return namespace is context.globals
    # A script's context makes new ones whenever it is asked.
    return namespace is vars(sys.modules["__main__"])


def graph_cells(context: Any) -> list[KernelCell]:
    """The kernel's cells."""
    graph = context.graph
    return [
        KernelCell(
            kernel_id=str(cell_id),
            code=cell.code,
            defs=frozenset(cell.defs),
            parents=frozenset(map(str, graph.parents.get(cell_id, ()))),
        )
        for cell_id, cell in list(graph.cells.items())
    ]


def values_of(context: Any, cell_id: str, names: Iterable[str]) -> dict[str, Any]:
    """What stands in a cell's code for these names; those of no variable are left out."""
    return values_in(context.globals, cell_id, names)


def names_read(graph: Any, cell: Any, scope: Mapping[str, Any]) -> set[str]:
    """The names that a cell reads, and that functions read which it reads."""
    names: set[str] = graph.get_transitive_references(
        set(cell.refs), predicate=lambda name, _: callable(scope.get(name))
    )
    return names & scope.keys()


def values_in(
    values: Mapping[str, Any], cell_id: str, names: Iterable[str]
) -> dict[str, Any]:
    """The same, of a kernel's globals."""
    # Only these: a notebook of a thousand cells has thousands.
    places = {name: place_of(name, cell_id) for name in names}
    return {name: values[at] for name, at in places.items() if at in values}


def place_of(name: str, cell_id: str) -> str:
    """The name under which a kernel's globals have what a cell's code has by a name."""
    from marimo._ast.variables import if_local_then_mangle
    from marimo._types.ids import CellId_t

    return if_local_then_mangle(name, CellId_t(cell_id))


def refs_of(context: Any, cell_id: str) -> frozenset[str]:
    """The names that a cell reads and does not define."""
    cell = context.graph.cells.get(cell_id)
    return frozenset() if cell is None else frozenset(cell.refs)


def graph_state(context: Any) -> tuple[object, ...]:
    """Equal while `graph_cells` is: marimo compiles an edited cell anew."""
    return tuple(context.graph.cells.values())


def file_cells(path: Path) -> list[FileCell]:
    """The cells of a notebook's file, Python or Markdown, as marimo reads it."""
    from marimo._ast.load import get_notebook_status

    notebook = get_notebook_status(str(path)).notebook
    return [
        FileCell(name=None if cell.name in UNNAMED else cell.name, code=cell.code)
        for cell in (notebook.cells if notebook is not None else ())
    ]


def on_cell_end(context: Any, act: Callable[[str | None], None]) -> None:
    """Has `act` called after each cell, with the class of its error if it had one."""
    from marimo._runtime.exceptions import MarimoRuntimeException

    def ended(_: Any, __: Any, result: Any) -> None:
        error = result.exception
        if isinstance(error, MarimoRuntimeException):
            error = error.__cause__ or error
        act(None if error is None else type(error).__name__)

    context._kernel._hooks.add_post_execution(ended)


def before_each_run(act: Callable[[], None]) -> None:
    """Has `act` called on a kernel's thread whenever it begins to run cells, also where it
    was never started, and leaves no lifespan at the end of such a kernel.

    marimo enters the lifespans of extensions as it starts a kernel, and fails as it leaves
    one that it has not entered.
    """
    from marimo._runtime.runtime import Kernel

    kernels: Any = Kernel
    start: Callable[[Any, Any], Awaitable[None]] = kernels.instantiate
    run: Callable[[Any, Any], Awaitable[None]] = kernels.run
    tear_down: Callable[[Any], None] = kernels.teardown

    @wraps(start)
    async def note_and_start(kernel: Any, request: Any) -> None:
        vars(kernel)[_STARTED] = True
        await start(kernel, request)

    @wraps(run)
    async def act_and_run(kernel: Any, requests: Any) -> None:
        act()
        await run(kernel, requests)

    @wraps(tear_down)
    def tear_down_what_started(kernel: Any) -> None:
        if _STARTED not in vars(kernel):
            kernel._lifespan = None
        tear_down(kernel)

    kernels.instantiate, kernels.run = note_and_start, act_and_run
    kernels.teardown = tear_down_what_started


def on_run_end(context: Any, act: Callable[[], None]) -> None:
    """Has `act` called whenever the kernel has run cells, before it says so."""
    from marimo._runtime.runner.hooks import Priority

    context._kernel._hooks.add_on_finish(lambda _: act(), Priority.LATE)


def is_cache_export(context: Any) -> bool:
    """Whether a kernel that lists its keys as it ends does so for an export.

    Other kernels do it too, of apps that are served or of an editor's. That of an
    export edits, in a process that another Python started, and serves no files
    (`run_notebook` in marimo/_export/file.py).
    """
    return (
        getattr(getattr(context, "session_mode", None), "value", None) == "edit"
        and not context.virtual_files_supported
        and multiprocessing.parent_process() is not None
    )


def is_called_from_marimo(namespace: dict[str, Any]) -> bool:
    """Whether globals are those of one of marimo's own modules."""
    name = namespace.get("__name__") or ""
    return name == "marimo" or name.startswith(("marimo.", "marimo_cellar."))


def runs_in_browser() -> bool:
    """Whether this is Pyodide, where marimo has loaders of its own."""
    return sys.platform == "emscripten" or "pyodide" in sys.modules
