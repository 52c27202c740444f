"""Whether what was made of a file that has changed since is computed anew, instead of served
and told: `recompute_on_change`, a setting beside the place.

The first of these that says something decides: `[tool.cellar]` in the nearest
`pyproject.toml` above the notebook, then `config.toml` in the user's configuration folder.
A kernel asks at its first hit, so this imports no more than the place has.

`src/store/settings/recomputing.ts` does the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from marimo_cellar.settings.place import (
    Refusal,
    System,
    nearest_project,
    read_project,
    read_settings,
    user_file,
)

KEY = "recompute_on_change"


def find_recompute(folder: Path, system: System, refusals: list[Refusal]) -> bool:
    """The setting for the notebooks of a folder, which is absolute; False where nobody
    set it."""
    for value, file in _stated(folder, system, refusals):
        if isinstance(value, bool):
            return value
        why = f"{KEY} in {file} is {value!r}, which is neither true nor false."
        refusals.append(Refusal("value", str(file), why))
    return False


def _stated(
    folder: Path, system: System, refusals: list[Refusal]
) -> Iterator[tuple[object, Path]]:
    """What is set, the strongest first; files are read only when it is their turn."""
    project = nearest_project(folder)
    if project is not None:
        shared = read_project(project, refusals)
        if KEY in shared:
            yield shared[KEY], project
    user = user_file(system)
    own = read_settings(user, refusals)
    if KEY in own:
        yield own[KEY], user
