"""Why a lookup met what it met, in words.

A reason is a JSON object with a `kind`. `test/fixtures/reasons.json` has every kind,
its fields and the sentence for it; `src/protocol/reasons.ts` says the same sentences
in the user's language.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

Reason = Mapping[str, Any]
# What a cell is called now; None for one that is gone, or unknown.
TitleOf = Callable[[int], str | None]

# Of a kind with names in it, and of all reasons, so many are said.
_SAID = 3

# Kinds for which nothing of the cell is kept, or of no use, whenever it runs.
_NOT_CACHEABLE = frozenset({"ui", "unpicklable", "changes"})

# Kinds for which nothing of one run is kept.
_NOT_KEPT = frozenset({"raised", "full"})

# The lookup was a hit; what it was served may be out of date.
OUTDATED = frozenset({"file"})


def parse(text: object) -> list[Reason]:
    """The reasons in a row of the table `reasons`; those that make sense."""
    try:
        found = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return []
    if not isinstance(found, list):
        return []
    return [
        one
        for one in found
        if isinstance(one, dict) and isinstance(one.get("kind"), str)
    ]


def sentence(
    reasons: Iterable[Reason], title_of: TitleOf = lambda _: None
) -> str | None:
    """One sentence for a lookup's reasons, or two; None where there are none.

    Kinds that a newer version recorded are passed over.
    """
    clauses: dict[str, list[str]] = {}
    for reason in reasons:
        clause = _clause(reason, title_of)
        if clause is not None:
            clauses.setdefault(_frame(reason), []).append(clause)
    said = [
        frame.format(_listed(clauses[frame]))
        for frame in (_MISSED, _REFUSED, _LOST, _IN_PART, _OUTDATED)
        if frame in clauses
    ]
    return " ".join(said) or None


def keeps_running(reasons: Sequence[Reason]) -> bool:
    """Whether the cell runs each time, also where its result is found."""
    return any(_frame(reason) == _REFUSED for reason in reasons)


_MISSED = "Not from the cache: {0}."
_REFUSED = "Not cacheable: {0}."
_LOST = "Not kept: {0}."
_IN_PART = "Saved in part: {0}."
_OUTDATED = "From the cache, but {0}."


def _frame(reason: Reason) -> str:
    kind = reason["kind"]
    if kind == "unpicklable" and not _used(reason):
        return _IN_PART
    if kind in _NOT_CACHEABLE:
        return _REFUSED
    if kind in _NOT_KEPT:
        return _LOST
    return _OUTDATED if kind in OUTDATED else _MISSED


def _listed(clauses: Sequence[str]) -> str:
    more = len(clauses) - _SAID
    said = list(clauses[:_SAID])
    if more > 0:
        said.append(f"{more} more")
    return "; ".join(said)


def _clause(reason: Reason, title_of: TitleOf) -> str | None:
    kind = reason["kind"]
    if kind in _PLAIN:
        return _PLAIN[kind]
    name, before, now = (_text(reason, field) for field in ("name", "before", "now"))
    title = _title(reason, title_of)
    if kind in _OF_CELLS:
        return _OF_CELLS[kind].format(title or _UNTITLED)
    if kind == "input":
        if title is None:
            return f"{name} holds something else"
        return f"{name}, from {title}, holds something else"
    if kind in _OF_VERSIONS:
        return f"{_OF_VERSIONS[kind] or name} was {before} and is {now}"
    if kind == "evicted":
        return _EVICTED.get(_text(reason, "why"), "it was evicted")
    if kind == "refused":
        return f"what is cached does not serve ({_text(reason, 'text')})"
    if kind == "source":
        return f"{_text(reason, 'path')} has changed since"
    if kind == "ui":
        return f"UI elements are made anew in every run ({_names(reason)})"
    if kind == "unpicklable":
        if used := _used(reason):
            return f"there is no way to save {_several(used)}"
        return f"there is no way to save {_names(reason)}, which no other cell uses"
    if kind == "changes":
        return f"it changes what it does not define ({_names(reason)})"
    if kind == "raised":
        return f"its last run ended in {name}"
    if kind == "file":
        return _OF_FILES.get(
            (_text(reason, "how"), _text(reason, "change")), "{0} has changed since"
        ).format(_text(reason, "path"))
    return None


_PLAIN = {
    "own_code": "its own code changed",
    "cleared": "it was cleared",
    "gone": "what was cached is gone",
    "unsigned": "nobody whom you trust signed what is cached",
    "damaged": "what was cached is damaged",
    "incomplete": "part of what was cached is missing",
    "rerun": "a cell below needs a value that could not be saved",
    "unsaved": "nothing was saved of its last run",
    "first": "nothing was cached before",
    "full": "the disk was full",
    "unknown": "something else changed that marimo's hash depends on",
}

_OF_CELLS = {
    "upstream": "{0}, which it needs, changed",
    "upstream_new": "it needs {0} now",
    "upstream_gone": "it does not need {0} any more",
}

_UNTITLED = "another cell"

# By the name of what has a version; "" for the module's own.
_OF_VERSIONS = {"module": "", "python": "Python", "marimo": "marimo"}

# By what `retention.py` has a result leave for.
_EVICTED = {
    "room": "it was evicted to make room",
    "version": "it was evicted as one of many old versions",
    "orphan": "it was evicted while its cell was gone",
}

_OF_FILES = {
    ("opened", "changed"): "{0} has changed since",
    ("opened", "gone"): "{0} is gone",
    ("named", "changed"): "{0}, which it may have read, has changed since",
    ("named", "gone"): "{0}, which it may have read, is gone",
}


def _title(reason: Reason, title_of: TitleOf) -> str | None:
    """What the reason's cell is called now, or was then."""
    cell = reason.get("cell")
    return (title_of(cell) if isinstance(cell, int) else None) or (
        _text(reason, "title") or None
    )


def _names(reason: Reason) -> str:
    return _several(_texts(reason, "names"))


def _used(reason: Reason) -> list[str]:
    """Those of the names that another cell used: without the rest it is served."""
    unused = _texts(reason, "unused")
    return [name for name in _texts(reason, "names") if name not in unused]


def _texts(reason: Reason, field: str) -> list[str]:
    names = reason.get(field)
    if not isinstance(names, list):
        return []
    return [one for one in names if isinstance(one, str)]


def _several(texts: Sequence[str]) -> str:
    more = len(texts) - _SAID
    said = [*texts[:_SAID], *([f"{more} more"] if more > 0 else [])]
    return ", ".join(said)


def _text(reason: Reason, field: str) -> str:
    value = reason.get(field)
    return value if isinstance(value, str) else ""
