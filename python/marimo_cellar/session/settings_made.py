"""What a cell has set for the whole process, by the package that it is a setting of, and
which cells come out otherwise by it: those that draw, where it is one of matplotlib.
"""

from __future__ import annotations

import ast
import hashlib
import logging
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from types import ModuleType
from typing import Any

import msgspec

from marimo_cellar import _marimo
from marimo_cellar.notebook.changes import Change
from marimo_cellar.notebook.process_settings import BEGINNING, Setting, settings_in
from marimo_cellar.session.changing import is_of_process, named_first

# What draws by matplotlib, and sets how.
_DRAWING = frozenset({"matplotlib", "mpl_toolkits", "seaborn"})
_DRAWS = re.compile(r"\.(?:plot|hist|boxplot)\b")
# What most cells use, and whose settings are of how values are written.
_WRITTEN = frozenset({"numpy", "pandas", "polars"})
_WRITES = re.compile(r"\b(?:print|str|repr)\(|\.to_(?:string|html|latex|markdown)\(")
# Whose states are kept with what is drawn of them.
_OF_STATES = frozenset({"random", "numpy"})


def made_by(
    code: str, values_of: Callable[[Iterable[str]], dict[str, Any]]
) -> list[_marimo.MadeSetting]:
    """The settings that a cell has made, by the values that it left."""
    settings = settings_in(code, seeding=True)
    values = values_of({name for one in settings.all for name in one.names})
    return [
        _marimo.MadeSetting(
            package, ".".join(change.of) or named_first(change), change, digest
        )
        for setting in settings.all
        for digest in (_digest(setting, values),)
        for change in setting.changes
        if (package := _package(change, values)) is not None
    ]


def is_subject(package: str, code: str, packages: frozenset[str]) -> bool:
    """Whether code that uses these packages may come to something else by a setting."""
    if package in _DRAWING:
        return not packages.isdisjoint(_DRAWING) or _DRAWS.search(code) is not None
    if package in _WRITTEN:
        return _WRITES.search(code) is not None
    return package in packages


def package_of(value: Any) -> str | None:
    """The package of a module, or of a class or function of one."""
    name = value.__name__ if isinstance(value, ModuleType) else None
    if name is None and not isinstance(value, str):
        name = getattr(value, "__module__", None)
    return name.partition(".")[0] if isinstance(name, str) else None


def _package(change: Change, values: dict[str, Any]) -> str | None:
    value = values.get(named_first(change))
    if not is_of_process(value):
        return None
    package = "logging" if isinstance(value, logging.Logger) else package_of(value)
    return None if change.method in BEGINNING and package in _OF_STATES else package


def _digest(setting: Setting, values: dict[str, Any]) -> bytes:
    """Of the statement, and of what is plain of what it names."""
    what = setting.statement
    parts = [repr(setting.changes) if what is None else ast.dump(what)]
    for name in sorted(setting.names & values.keys()):
        with suppress(Exception):
            value = values[name]
            value = value.value if _marimo.is_ui(value) else value
            parts.append(msgspec.json.encode(value, order="deterministic").decode())
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).digest()
