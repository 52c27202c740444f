"""How much the cache may keep, what computing costs, and what becomes of results whose
files changed: settings beside the place.

The first of these that says something decides: `[tool.cellar]` in the nearest
`pyproject.toml` above the notebook, then `config.toml` in the user's configuration
folder. A project's file, which may be a stranger's, can only make the budget smaller.

`budget` is a number of bytes, or a text such as "2 GB". `cost_per_hour` is what an hour
of computing costs, in money; of that a project knows more than its user.
`recompute_on_change` is told of in `recomputing`.
"""

from __future__ import annotations

import math
import os
import re
import shutil
from pathlib import Path
from typing import Any

from msgspec import Struct

from marimo_cellar import _marimo
from marimo_cellar.notices import warn_once
from marimo_cellar.settings.place import (
    PROJECT_FILE,
    Refusal,
    System,
    nearest_project,
    read_project,
    read_settings,
    this_system,
    user_file,
)
from marimo_cellar.settings.recomputing import find_recompute

_UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_SIZE = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([KMGT]?B)\s*", re.IGNORECASE)
_LEAST = 2 * 10**9
# More than any disk holds, and exact in JavaScript: what is larger means no limit.
_MOST = 2**53 - 1
_SHARE_OF_FREE = 0.1


class Setting(Struct, frozen=True):
    """A value, in bytes, and the file that it is from."""

    value: int
    file: Path


class Settings(Struct, frozen=True):
    """`budget` is None where nobody set one; see `budget_in`. `cost_per_hour` is in
    whatever currency the user counts in."""

    budget: Setting | None = None
    cost_per_hour: float | None = None
    recompute_on_change: bool = False
    refusals: tuple[Refusal, ...] = ()


def settings_of(notebook: Path | None) -> Settings:
    """The settings for a notebook; None for a notebook without a file."""
    return find_settings(_marimo.notebook_folder(notebook), this_system())


def say_refusals(settings: Settings) -> None:
    """Says once what is not followed."""
    for refusal in settings.refusals:
        # Of a file that cannot be read, whoever asked it for the place has said it.
        about = refusal.message if refusal.fault == "value" else refusal.about
        warn_once(f"place {refusal.fault}", about, refusal.message)


def find_settings(folder: Path, system: System) -> Settings:
    """The settings for the notebooks of a folder, which is absolute."""
    refusals: list[Refusal] = []
    user = user_file(system)
    own = read_settings(user, refusals)
    project = nearest_project(folder)
    shared = {} if project is None else read_project(project, refusals)
    cost_per_hour = _cost_per_hour(own, user, refusals)
    budget = _budget(own, user, refusals)
    if project is not None:
        theirs = _budget(shared, project, refusals)
        if theirs is not None and (budget is None or theirs.value < budget.value):
            budget = theirs
        stated = _cost_per_hour(shared, project, refusals)
        cost_per_hour = cost_per_hour if stated is None else stated
    recomputes = find_recompute(folder, system, refusals)
    # A file that cannot be read is asked for each setting.
    told = tuple(dict.fromkeys(refusals))
    return Settings(budget, cost_per_hour, recomputes, told)


def _budget(
    table: dict[str, Any], file: Path, refusals: list[Refusal]
) -> Setting | None:
    value = table.get("budget")
    if value is None:
        return None
    size = parse_size(value)
    if size is None:
        why = f'budget in {file} is {value!r}, which is not a size such as "2 GB".'
        refusals.append(Refusal("value", str(file), why))
        return None
    return Setting(size, file)


def _cost_per_hour(
    table: dict[str, Any], file: Path, refusals: list[Refusal]
) -> float | None:
    value = table.get("cost_per_hour")
    if value is None:
        return None
    if type(value) in (int, float) and 0 <= value < math.inf:
        return float(value)
    why = f"cost_per_hour in {file} is {value!r}, which is not an amount such as 2.5."
    refusals.append(Refusal("value", str(file), why))
    return None


def budget_in(folder: Path, used: int, setting: Setting | None) -> int | None:
    """The bytes that the cache in a folder may keep; None for as many as there are.

    Without a setting a tenth of what would be free without it, and at least 2 GB; None
    where the disk does not tell. A project's setting counts only if it is less.
    """
    if setting is not None and setting.file.name != PROJECT_FILE:
        return setting.value
    free = _free(folder)
    if free is None:
        return None if setting is None else setting.value
    usual = default_budget(free + used)
    return usual if setting is None else min(setting.value, usual)


def default_budget(free: int) -> int:
    """The budget where that many bytes would be free without the cache."""
    return max(_LEAST, int(free * _SHARE_OF_FREE))


def parse_size(value: object) -> int | None:
    """Bytes, of a number or of a text such as "1.5 GB"; None if it is neither."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        # TOML writes large numbers as 5e9, too.
        whole = isinstance(value, int) or value.is_integer()
        return min(int(value), _MOST) if whole and value >= 0 else None
    if not isinstance(value, str):
        return None
    parts = _SIZE.fullmatch(value)
    if parts is None:
        return None
    return int(min(float(parts.group(1)) * _UNITS[parts.group(2).upper()], _MOST))


def _free(folder: Path) -> int | None:
    while not os.path.isdir(folder) and folder != folder.parent:
        folder = folder.parent
    try:
        disk = shutil.disk_usage(folder)
    except OSError:
        return None
    # Some mounts answer with nothing but zeros.
    return disk.free if disk.total > 0 else None
