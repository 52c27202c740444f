"""Where a notebook's cache lives, like Git's configuration.

The first of these that says something decides:

1. the environment variable `CELLAR_PATH`;
2. `[tool.cellar] path` in the nearest `pyproject.toml` above the notebook;
3. `path` in `config.toml` in the user's configuration folder;
4. nothing: marimo's own cache folder, beside the notebook.

What they name is the folder that holds `cache.db` and `blobs/`, for every notebook
they apply to. `~` is the user's home. A relative path in a project's file starts at
that file; elsewhere it is refused, because each process would take it for another
folder. A project's file names a folder within the project, links resolved: what a
stranger's repository says must not make Cellar write elsewhere.

`src/store/settings/place.ts` does the same; `test/fixtures/places.json` holds for both.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from marimo_cellar import _marimo
from marimo_cellar.features import answer
from marimo_cellar.notices import warn_once

VARIABLE = "CELLAR_PATH"
PROJECT_FILE = "pyproject.toml"

Source = Literal["environment", "project", "user", "default"]
# `broken` and `unreadable` are files that are passed over. The others are settings
# that cannot be followed: the default stands in for them.
Fault = Literal["broken", "unreadable", "value", "relative", "outside"]


class System(Struct, frozen=True):
    """What the place depends on besides files. `platform` is `sys.platform`'s."""

    env: Mapping[str, str]
    platform: str
    home: Path


class Refusal(Struct, frozen=True):
    """A setting, or a file of settings, that is not followed. `about` names it."""

    fault: Fault
    about: str
    message: str


class Place(Struct, frozen=True):
    """The folder of a cache, absolute, and which source, and file, decided it."""

    folder: Path
    source: Source
    file: Path | None
    refusals: tuple[Refusal, ...] = ()


class _Setting(Struct, frozen=True):
    value: object
    source: Source
    # As people know it.
    name: str
    file: Path | None = None


class _NotFollowed(Exception):
    def __init__(self, fault: Fault, why: str) -> None:
        super().__init__(why)
        self.fault: Fault = fault


def this_system() -> System:
    """What the place depends on in this process."""
    return System(os.environ, sys.platform, _home())


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:
        # A container's user without a name; never a folder that anyone may write to.
        return Path(os.path.abspath(os.sep))


def folder_of(notebook: Path | None) -> Path:
    """The cache folder of a notebook; what is not followed is said once."""
    place = place_of(notebook)
    for refusal in place.refusals:
        warn_once(f"place {refusal.fault}", refusal.about, refusal.message)
    return place.folder


def place_of(notebook: Path | None) -> Place:
    """The place of a notebook's cache; None for a notebook without a file."""
    return find_place(
        _marimo.notebook_folder(notebook),
        _marimo.cache_folder(notebook),
        this_system(),
    )


def find_place(folder: Path, default: Path, system: System) -> Place:
    """The place for the notebooks of a folder, which is absolute."""
    refusals: list[Refusal] = []
    for setting in _settings(folder, system, refusals):
        try:
            chosen = _followed(setting, system.home)
        except _NotFollowed as error:
            refusals.append(
                Refusal(
                    error.fault,
                    str(setting.file or setting.name),
                    f"{setting.name} is {setting.value!r}, {error}. Results are kept "
                    f"in {default} instead.",
                )
            )
            break
        return Place(chosen, setting.source, setting.file, tuple(refusals))
    return Place(default, "default", None, tuple(refusals))


def user_file(system: System) -> Path:
    """The user's own settings, in the place that `platformdirs` documents.

    https://platformdirs.readthedocs.io/en/latest/parameters.html: the app is
    `cellar`, without an author. marimo does not bring that package along.
    """

    def either(name: str, *usual: str) -> Path:
        # A relative one is to be ignored, says the XDG specification.
        value = system.env.get(name, "")
        return Path(value) if os.path.isabs(value) else system.home.joinpath(*usual)

    if system.platform == "win32":
        parent = either("LOCALAPPDATA", "AppData", "Local")
    elif system.platform == "darwin":
        parent = system.home / "Library" / "Application Support"
    else:
        parent = either("XDG_CONFIG_HOME", ".config")
    return parent / "cellar" / "config.toml"


def _settings(
    folder: Path, system: System, refusals: list[Refusal]
) -> Iterator[_Setting]:
    """What is set, the strongest first; files are read only when it is their turn."""
    if value := system.env.get(VARIABLE):
        yield _Setting(value, "environment", VARIABLE)
    project = nearest_project(folder)
    if project is not None:
        value = read_project(project, refusals).get("path")
        if value is not None:
            yield _Setting(
                value, "project", f"[tool.cellar] path in {project}", project
            )
    user = user_file(system)
    value = read_settings(user, refusals).get("path")
    if value is not None:
        yield _Setting(value, "user", f"path in {user}", user)


def nearest_project(folder: Path) -> Path | None:
    """The `pyproject.toml` that applies to a folder: in it, or nearest above."""
    for parent in (folder, *folder.parents):
        file = parent / PROJECT_FILE
        if os.path.isfile(file):
            return file
    return None


def read_project(file: Path, refusals: list[Refusal]) -> dict[str, Any]:
    """What a project's file sets for Cellar; nothing, and a refusal, if it cannot be
    read."""
    tool = read_settings(file, refusals).get("tool")
    cellar = tool.get("cellar") if isinstance(tool, dict) else None
    return cellar if isinstance(cellar, dict) else {}


def read_settings(file: Path, refusals: list[Refusal]) -> dict[str, Any]:
    """A file's tables; none, and a refusal, if it cannot be read."""
    try:
        return answer(
            "reading settings from files",
            "Only CELLAR_PATH is followed.",
            lambda: _marimo.read_toml(file),
            {},
        )
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        fault: Fault = "unreadable"
        why = error.strerror or str(error)
    except ValueError as error:
        fault = "broken"
        why = f"it is not TOML: {error}"
    refusals.append(
        Refusal(fault, str(file), f"{file} cannot be read ({why}) and is passed over.")
    )
    return {}


def _followed(setting: _Setting, home: Path) -> Path:
    """The folder that a setting names. Raises `_NotFollowed`."""
    value = setting.value
    if not isinstance(value, str) or not value or "\0" in value:
        raise _NotFollowed("value", "which is not the path of a folder")
    path = value
    if value[0] == "~" and value[1:2] in ("", "/", os.sep):
        path = f"{home}{value[1:]}"
    if setting.source != "project":
        if not os.path.isabs(path):
            raise _NotFollowed(
                "relative",
                "which is another folder for each process; it takes a whole path, "
                "or one that begins with ~",
            )
        return Path(os.path.normpath(path))
    assert setting.file is not None
    project = setting.file.parent
    chosen = Path(os.path.normpath(project / path))
    # The project's folder itself would be ignored by Git as a whole.
    if Path(os.path.realpath(project)) not in Path(os.path.realpath(chosen)).parents:
        raise _NotFollowed(
            "outside",
            "which is not a folder within the project; only CELLAR_PATH and your own "
            "settings may name one elsewhere",
        )
    return chosen
