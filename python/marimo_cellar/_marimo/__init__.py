"""Every touch of marimo's modules that are not public, and nothing else.

Read in, and tested with, marimo 0.24.0 and 0.25.2. A name that is missing in
another version raises ImportError or AttributeError. Without what is imported here at
the top nothing works, and `kernel.py` leaves marimo as it is. What only one feature
needs is imported where it is used: without it that feature is marimo's own
(`features.py`), and the others go on.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from functools import lru_cache

from marimo._save.cache import CACHE_PREFIX, MARIMO_CACHE_VERSION, Cache
from marimo._save.hash import HashKey
from marimo._save.loaders import (
    BasePersistenceLoader,
    JsonLoader,
    LazyLoader,
    PickleLoader,
)
from marimo._save.loaders.lazy import LazyStore
from marimo._save.loaders.loader import LoaderError
from marimo._save.stores import FileStore, Store

from marimo_cellar._marimo.by_name import naming, saving_for
from marimo_cellar._marimo.calls import call, note_calls
from marimo_cellar._marimo.configuration import (
    another_store_is_configured,
    cache_folder,
    keep_cache_settings,
    notebook_folder,
    read_toml,
)
from marimo_cellar._marimo.contexts import (
    UNNAMED,
    before_each_run,
    current_context,
    current_globals,
    file_cells,
    graph_cells,
    graph_state,
    is_cache_export,
    is_called_from_marimo,
    is_cells_own_code,
    keep_session,
    notebook_path,
    on_cell_end,
    on_run_end,
    parent_of,
    refs_of,
    reloads_modules,
    renamed_path,
    running_cell,
    runs_in_browser,
    session_in,
    values_of,
)
from marimo_cellar._marimo.encoding import encode_fast
from marimo_cellar._marimo.exports import (
    export_keys,
    is_notebook_manifest,
    noting_keys,
    replace_manifest_dump,
    stores_in_use,
    unwrapped,
)
from marimo_cellar._marimo.generators import hash_generators_by_state
from marimo_cellar._marimo.hashing import (
    forget_hashes,
    hash_by_code,
    hash_watched_folders,
    hashed_in,
    keep_hashed,
)
from marimo_cellar._marimo.later import Later, named_in, waiting
from marimo_cellar._marimo.loaders import (
    cached_function,
    check_signed,
    is_local,
    is_plain,
    is_stale,
    is_stub,
    is_trusted,
    is_ui,
    replace_choice_of_format,
    replace_deserialisers,
    replace_loader,
    replace_serialiser,
    sign_besides,
    take_digests,
    through,
    unlisted,
    verification,
)
from marimo_cellar._marimo.looking_up import run_without_key
from marimo_cellar._marimo.pickles import hash_as_it_comes_back, pickle_sets_in_order
from marimo_cellar._marimo.printed import CONSOLE, Printed, note_printed, unheard
from marimo_cellar._marimo.random_states import (
    RANDOM,
    RandomState,
    are_of_seed,
    go_on_at_random,
)
from marimo_cellar._marimo.scopes import look_through_fast
from marimo_cellar._marimo.set_again import set_again
from marimo_cellar._marimo.shown import show_rows_as_queried
from marimo_cellar._marimo.side_effects import (
    MadeSetting,
    hash_side_effects,
    note_changes,
)
from marimo_cellar._marimo.signing import making_one_key
from marimo_cellar._marimo.sources import NotWhole, compile_as_cells, is_of_notebook
from marimo_cellar._marimo.told_apart import tell_code_apart
from marimo_cellar._marimo.toplevel import (
    compile_once,
    digest_cells_once,
    digest_closures_once,
)
from marimo_cellar._marimo.whole import WholeCache, whole

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


__all__ = [
    "CACHE_FORMAT",
    "CACHE_PREFIX",
    "CONSOLE",
    "RANDOM",
    "UNNAMED",
    "BasePersistenceLoader",
    "Cache",
    "FileStore",
    "HashKey",
    "JsonLoader",
    "Later",
    "LazyLoader",
    "LazyStore",
    "LoaderError",
    "MadeSetting",
    "NotWhole",
    "PickleLoader",
    "Printed",
    "RandomState",
    "Store",
    "WholeCache",
    "another_store_is_configured",
    "are_of_seed",
    "before_each_run",
    "cache_folder",
    "cached_function",
    "call",
    "check_signed",
    "compile_as_cells",
    "compile_once",
    "current_context",
    "current_globals",
    "digest_cells_once",
    "digest_closures_once",
    "encode_fast",
    "export_keys",
    "file_cells",
    "forget_hashes",
    "go_on_at_random",
    "graph_cells",
    "graph_state",
    "hash_as_it_comes_back",
    "hash_by_code",
    "hash_generators_by_state",
    "hash_side_effects",
    "hash_watched_folders",
    "hashed_in",
    "is_cache_export",
    "is_called_from_marimo",
    "is_cells_own_code",
    "is_local",
    "is_notebook_manifest",
    "is_of_notebook",
    "is_plain",
    "is_stale",
    "is_stub",
    "is_trusted",
    "is_ui",
    "keep_cache_settings",
    "keep_hashed",
    "keep_session",
    "look_through_fast",
    "making_one_key",
    "named_in",
    "naming",
    "note_calls",
    "note_changes",
    "note_printed",
    "notebook_folder",
    "notebook_path",
    "noting_keys",
    "on_cell_end",
    "on_run_end",
    "parent_of",
    "pickle_sets_in_order",
    "read_toml",
    "refs_of",
    "reloads_modules",
    "renamed_path",
    "replace_choice_of_format",
    "replace_deserialisers",
    "replace_loader",
    "replace_manifest_dump",
    "replace_serialiser",
    "run_without_key",
    "running_cell",
    "runs_in_browser",
    "saving_for",
    "session_in",
    "set_again",
    "show_rows_as_queried",
    "sign_besides",
    "stores_in_use",
    "take_digests",
    "tell_code_apart",
    "through",
    "unheard",
    "unlisted",
    "unwrapped",
    "values_of",
    "verification",
    "versions",
    "waiting",
    "whole",
]
