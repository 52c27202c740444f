"""Every touch of marimo's modules that are not public, and nothing else.

Read in, and tested with, marimo 0.24.0 and 0.25.2. A name that is missing in
another version raises ImportError or AttributeError. What is imported here at the
top, nothing goes without, and `kernel.py` then leaves marimo as it is. What only one
feature needs is imported where it is used: that feature is then marimo's own
(`features.py`), and the others go on.
"""

from __future__ import annotations

import multiprocessing
import os
import platform
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from marimo._runtime.context import safe_get_context
from marimo._runtime.runtime import notebook_dir
from marimo._save import stores as _stores
from marimo._save.cache import CACHE_PREFIX, MARIMO_CACHE_VERSION, Cache
from marimo._save.hash import HashKey
from marimo._save.loaders import (
    PERSISTENT_LOADERS,
    BasePersistenceLoader,
    DualLoader,
    JsonLoader,
    LazyLoader,
    PickleLoader,
)
from marimo._save.loaders.lazy import LazyStore
from marimo._save.loaders.loader import LoaderError
from marimo._save.stores import FileStore, Store
from marimo._utils.paths import notebook_output_dir

from marimo_cellar.notebook import FileCell, KernelCell

_CACHE_FOLDER = "cache"
# The second is what older notebooks carry.
UNNAMED = ("_", "__")
# What an embedded app without a file calls itself.
_NO_FILE = "<unknown>"
_SESSION = "_cellar_session"
_HASHED = "_cellar_hashed"
# The entry point `marimo.cache.store` in pyproject.toml.
_OUR_STORE = "sqlite"


# The format that this marimo's cache entries have.
CACHE_FORMAT: int = MARIMO_CACHE_VERSION


@lru_cache(maxsize=1)
def versions() -> Mapping[str, object]:
    """What an entry was written by: marimo, Python and marimo's cache format."""
    import marimo

    return {
        "marimo": marimo.__version__,
        "python": platform.python_version(),
        "cache": CACHE_FORMAT,
    }


# Contexts: one for each kernel and each embedded app, found by thread.


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


def on_run_end(context: Any, act: Callable[[], None]) -> None:
    """Has `act` called whenever the kernel has run cells, before it says so."""
    from marimo._runtime.runner.hooks import Priority

    context._kernel._hooks.add_on_finish(lambda _: act(), Priority.LATE)


# Where the cache is, and settings


def keep_cache_settings(context: Any) -> None:
    """Gives the kernel the settings of cell caching that it lost on its way.

    Those that marimo's schema does not name do not reach the kernels of its VS Code
    extension (`KernelArgs` in marimo/_ipc/types.py), where nobody could turn cell
    caching on. What a kernel was told, it goes by.
    """
    runtime = context._kernel.user_config["runtime"]
    if "cache_cells" in runtime:
        return
    from marimo._config.manager import get_default_config_manager

    configured: Any = get_default_config_manager(
        current_path=context.filename
    ).get_config()["runtime"]
    for key in ("cache_cells", "pin_modules"):
        if key in configured:
            runtime[key] = configured[key]


def cache_folder(path: Path | None) -> Path:
    """marimo's own cache folder for a notebook, absolute.

    marimo 0.25 falls back to the working folder where this cannot be written.
    A cache that can only be read is read here all the same.
    """
    folder = path.parent if path is not None else notebook_dir()
    return Path(os.path.abspath(notebook_output_dir(folder) / _CACHE_FOLDER))


def notebook_folder(path: Path | None) -> Path:
    """Where a notebook is, absolute; where it would be, while it has no file."""
    return path.parent if path is not None else notebook_dir() or Path.cwd()


def read_toml(file: Path) -> dict[str, Any]:
    """A TOML file's tables. Raises ValueError where it is not TOML, or OSError.

    By marimo's reader: Python has one of its own only from 3.11 on.
    """
    from marimo._utils.toml import toml_reader

    try:
        return toml_reader.read(file)
    except (toml_reader.decode_error, RecursionError) as error:
        raise ValueError(str(error)) from error


def another_store_is_configured(path: Path | None) -> bool:
    """Whether the user or the project has chosen a store that is not ours."""
    from marimo._config.manager import get_default_config_manager

    config: Any = get_default_config_manager(
        current_path=str(path) if path is not None else None
    ).get_config()
    # 0.25 reads [tool.marimo.cache.store], 0.24 [tool.marimo.experimental.cache].
    if hasattr(_stores, "configured_cache_store"):
        store, ours = config.get("cache", {}).get("store"), {"type": _OUR_STORE}
    else:
        store, ours = config.get("experimental", {}).get("cache"), {"store": _OUR_STORE}
    return store not in (None, ours, [ours])


def replace_loader(name: str, ours: type[BasePersistenceLoader]) -> None:
    """Puts a loader in the place of marimo's of that name, except in browsers."""
    theirs: Any = PERSISTENT_LOADERS[name]  # type: ignore[index]
    wasm = theirs.wasm if isinstance(theirs, DualLoader) else theirs
    PERSISTENT_LOADERS[name] = DualLoader(native=ours, wasm=wasm)  # type: ignore[index]


def keep_hashed() -> None:
    """Has a key of marimo's say what it is a hash of besides code: see `hashed_in`.

    marimo makes a digest of each variable anyway; only its table of them is kept.
    """
    from marimo._save.hash import BlockHasher

    apply, key = BlockHasher._apply_content_hash, BlockHasher.key
    assert isinstance(key, property)
    make_key: Any = key.fget

    def apply_and_keep(hasher: Any, content: dict[str, bytes]) -> None:
        hasher._cellar_hashed = content
        apply(hasher, content)

    def key_that_says(hasher: Any) -> HashKey:
        made: HashKey = make_key(hasher)
        vars(made)[_HASHED] = getattr(hasher, "_cellar_hashed", {})
        return made

    hashers: Any = BlockHasher
    hashers._apply_content_hash = apply_and_keep
    hashers.key = property(key_that_says)


def hashed_in(key: HashKey) -> dict[str, bytes] | None:
    """What marimo hashed besides code, by the name in the code; None if unknown.

    That is a digest, or, for a module, a text of its name and version in a wrapping.
    """
    from marimo._ast.variables import unmangle_local

    found: dict[str, bytes] | None = vars(key).get(_HASHED)
    if found is None:
        return None
    return {unmangle_local(name).name: value for name, value in found.items()}


def on_cell_end(context: Any, act: Callable[[str | None], None]) -> None:
    """Has `act` called after each cell, with the class of its error if it had one."""
    from marimo._runtime.exceptions import MarimoRuntimeException

    def ended(_: Any, __: Any, result: Any) -> None:
        error = result.exception
        if isinstance(error, MarimoRuntimeException):
            error = error.__cause__ or error
        act(None if error is None else type(error).__name__)

    context._kernel._hooks.add_post_execution(ended)


def is_ui(value: Any) -> bool:
    """Whether a cached value is a UI element, which marimo makes anew in each run."""
    from marimo._plugins.ui._core.ui_element import UIElement
    from marimo._save.stubs import UIElementStub

    return isinstance(value, UIElement | UIElementStub)


def is_local(name: str) -> bool:
    """Whether only the cell that defines a name can use it."""
    from marimo._ast.variables import is_local

    return is_local(name)


def is_trusted(loader: Any, manifest: Any) -> bool:
    """Whether a `lazy` loader takes a manifest as signed by whom it trusts."""
    import msgspec
    from marimo._save.signing import CacheSignatureError
    from marimo._save.stubs.lazy_stub import Cache as Manifest

    demands = verification(loader)
    if demands == "off":
        return True
    try:
        content = msgspec.json.decode(manifest, type=Manifest)
        loader._resolve_effective_signer(content, demands)
    except (CacheSignatureError, msgspec.MsgspecError):
        return False
    return True


def replace_arrow_serialiser(
    replace: Callable[[Callable[[Any], bytes]], Callable[[Any], bytes]],
) -> None:
    """Puts what `replace` makes of marimo's serialiser for Arrow in its place."""
    from marimo._save.stubs.lazy_stub import BLOB_SERIALIZERS

    BLOB_SERIALIZERS["arrow"] = replace(BLOB_SERIALIZERS["arrow"])


def replace_deserialisers(
    replace: Callable[[str, Callable[..., Any]], Callable[..., Any]],
    suffixes: Iterable[str],
) -> None:
    """Puts what `replace` makes of marimo's deserialisers in their places."""
    from marimo._save.stubs.lazy_stub import BLOB_DESERIALIZERS

    BLOB_DESERIALIZERS.update(
        {suffix: replace(suffix, BLOB_DESERIALIZERS[suffix]) for suffix in suffixes}
    )


def take_digests(known: Callable[[Any], str | None]) -> None:
    """Has a `lazy` loader that signs what it saves ask for the digest of each value, in
    hex, before it makes one. What it verifies it hashes itself."""
    from marimo._save.loaders import lazy

    make: Callable[[Any], str] = vars(lazy)["_sha256hex"]
    vars(lazy)["_sha256hex"] = lambda data: known(data) or make(data)


# The export that ships a cache: `html-wasm --execute`


def replace_manifest_dump(
    replace: Callable[[Callable[[str], None]], Callable[[str], None]],
) -> None:
    """Puts what `replace` makes of marimo's `dump_cache_manifests` in its place.

    A kernel that ends looks it up there and calls it with the manifest's name.
    """
    from marimo._save import loaders

    # What it is replaced for is of no use without these.
    LazyStore()._touched_keys, LazyStore()._written_keys, LazyLoader.active_loaders
    ours = replace(loaders.dump_cache_manifests)
    vars(loaders)["dump_cache_manifests"] = ours


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


def export_keys() -> list[str]:
    """The keys that the session's `lazy` loaders wrote or read."""
    return LazyLoader.export_keys()


def stores_in_use() -> list[Store]:
    """What the session's `lazy` loaders keep their keys in, without their wrapping."""
    return [unwrapped(loader.store) for loader in LazyLoader.active_loaders()]


def unwrapped(store: Store) -> Store:
    """The store that a `lazy` loader's wrapping passes keys on to."""
    return store._inner if isinstance(store, LazyStore) else store


def noting_keys(store: Store, where: Store) -> Store:
    """A store that notes, where marimo's wrapping does, which keys a run used."""
    noting = LazyStore(store)
    for keys in ("_touched_keys", "_written_keys"):
        if hasattr(where, keys):
            setattr(noting, keys, getattr(where, keys))
    return noting


# Entries that another kind of loader saved


Kind = TypeVar("Kind", bound=BasePersistenceLoader)


def unlisted(kind: type[Kind], name: str, store: Store) -> Kind:
    """A loader that does not take the place of the session's own of that name.

    Of a name's `lazy` loaders marimo waits for the saves of the last one only, and
    ships its keys.
    """
    from marimo._save.loaders.lazy import _cache_state

    listed = _cache_state().active_lazy_loaders
    before = listed.get(name)
    make: Callable[..., Kind] = kind
    loader = make(name, store=store)
    if before is not None:
        listed[name] = before
    else:
        listed.pop(name, None)
    return loader


def is_stale(loader: BasePersistenceLoader, key: HashKey) -> bool:
    """Whether marimo wants an entry made anew, whatever there is of it."""
    from marimo._save.loaders.lazy import _cache_state

    return str(loader.build_path(key)) in _cache_state().stale_keys


def verification(loader: Any) -> str:
    """What a `lazy` loader demands of signatures: `off`, `on` or `strict`.

    `off` where it would itself unpickle what nobody signed: where the user wants
    so, or where there is nothing to verify with.
    """
    # The first is 0.25, where 0.24 says `verify` for `on`.
    names = ("_effective_verification", "_effective_mode")
    ask = next(getattr(loader, name) for name in names if hasattr(loader, name))
    demands: str = ask()
    return demands if demands in ("off", "strict") else "on"


def is_plain(manifest: Any) -> bool:
    """Whether `lazy` restores a manifest from what it says alone.

    Then it runs no code of the entry: no pickle, no source, not even an import.
    """
    import msgspec
    from marimo._save.stubs.lazy_stub import Cache as Manifest

    try:
        content = msgspec.json.decode(manifest, type=Manifest)
    except (msgspec.MsgspecError, RecursionError):
        return False
    plain = {"primitive", "special_float", "hash", "type_hint"}
    return not content.ui_defs and not any(
        value is not None and field not in plain
        for item in (*content.defs.values(), content.meta.return_value)
        if item is not None
        for field, value in msgspec.structs.asdict(item).items()
    )


def is_notebook_manifest(key: str) -> bool:
    """Whether a key is the list of keys that marimo keeps of a notebook."""
    is_manifest_name = _manifest_names()
    return is_manifest_name is not None and is_manifest_name(key)


@lru_cache(maxsize=1)
def _manifest_names() -> Callable[[str], bool] | None:
    # Not at import, for marimo 0.24 has none; and once, for every key is asked for.
    try:
        from marimo._save.manifest import is_manifest_name
    except ImportError:
        return None
    return is_manifest_name


def is_called_from_marimo(namespace: dict[str, Any]) -> bool:
    """Whether globals are those of one of marimo's own modules."""
    name = namespace.get("__name__") or ""
    return name == "marimo" or name.startswith(("marimo.", "marimo_cellar."))


def runs_in_browser() -> bool:
    return sys.platform == "emscripten" or "pyodide" in sys.modules


__all__ = [
    "CACHE_PREFIX",
    "UNNAMED",
    "BasePersistenceLoader",
    "Cache",
    "FileStore",
    "HashKey",
    "JsonLoader",
    "LazyLoader",
    "LazyStore",
    "LoaderError",
    "PickleLoader",
    "Store",
    "another_store_is_configured",
    "cache_folder",
    "current_context",
    "export_keys",
    "file_cells",
    "graph_cells",
    "graph_state",
    "hashed_in",
    "is_cache_export",
    "is_called_from_marimo",
    "is_cells_own_code",
    "is_local",
    "is_notebook_manifest",
    "is_trusted",
    "is_ui",
    "keep_cache_settings",
    "keep_hashed",
    "keep_session",
    "notebook_folder",
    "notebook_path",
    "noting_keys",
    "on_cell_end",
    "on_run_end",
    "parent_of",
    "read_toml",
    "renamed_path",
    "replace_arrow_serialiser",
    "replace_deserialisers",
    "replace_loader",
    "replace_manifest_dump",
    "running_cell",
    "runs_in_browser",
    "session_in",
    "stores_in_use",
    "take_digests",
    "unwrapped",
    "versions",
]
