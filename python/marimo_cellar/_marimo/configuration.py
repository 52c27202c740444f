"""Where the cache is, and what the user has set."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from marimo._runtime.runtime import notebook_dir
from marimo._save import stores as _stores
from marimo._utils.paths import notebook_output_dir

_CACHE_FOLDER = "cache"
# The entry point `marimo.cache.store` in pyproject.toml.
_OUR_STORE = "sqlite"


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
    # From 0.24.1 on it reads [tool.marimo.cache.store], before
    # [tool.marimo.experimental.cache]. The second name is there from 0.25.1 on.
    if any(
        hasattr(_stores, one) for one in ("_store_config", "configured_cache_store")
    ):
        store, ours = config.get("cache", {}).get("store"), {"type": _OUR_STORE}
    else:
        store, ours = config.get("experimental", {}).get("cache"), {"store": _OUR_STORE}
    return store not in (None, ours, [ours])
