"""Entries that another of marimo's loaders saved, after a setting was changed.

marimo's hash says nothing of the loader. So what was cached with `method="pickle"`
is found also when the method is `lazy` or `json` by now: a loader of the entry's own
kind restores it, with all its checks. What is computed next is saved the new way.

What a lookup's own method would not have unpickled, none here unpickles for it:
`json` runs no code at all, and `lazy` takes nothing that nobody signed, unless
marimo's own would.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from msgspec.structs import replace

from marimo_cellar import _marimo
from marimo_cellar.database.found import Found
from marimo_cellar.entries import contents, entries, keys
from marimo_cellar.entries.entries import EntryKey
from marimo_cellar.loaders.restoring import Restoring
from marimo_cellar.lookups import lookups
from marimo_cellar.lookups.lookup import Lookup
from marimo_cellar.values import mapped

# What is checked most comes first.
_KINDS = ("lazy", "json", "pickle")


def refusal(asked: str, kind: str, verification: str) -> str | None:
    """Why no entry of a kind may answer a lookup of another one; None if one may.

    `verification` is what the asking loader demands of signatures: `off`, `on` or
    `strict`. Only `lazy` demands any.
    """
    if (asked, kind) == ("json", "pickle"):
        return "a result saved as pickle is not loaded as json"
    # `json` runs nothing, but nobody signed it: whoever can write the database could
    # plant values.
    if asked == "lazy" and verification != "off":
        return f"a result saved as {kind} is not loaded under signature verification"
    return None


def answer(
    asking: Restoring,
    lookup: Lookup,
    key: _marimo.HashKey,
    glbls: dict[str, Any] | None,
    there: Collection[str],
) -> _marimo.Cache | None:
    """What a loader without an entry of its own kind is answered by one of another.

    `there` are the kinds that there are entries of. A hit is noted. Of a miss,
    `lookup.why` says what there is and why it did not serve. Raises `sqlite3.Error`
    or `database.Unavailable`.
    """
    asked = lookup.key.loader
    # What marimo wants made anew in this session, no old entry answers.
    if _marimo.is_stale(asking, key):
        return None
    demands = _marimo.verification(asking) if asked == "lazy" else "off"
    for kind in _KINDS:
        theirs = replace(lookup.key, loader=kind)
        if kind not in there or not (
            founds := entries.candidates(lookup.database, theirs, lookup.owner)
        ):
            continue
        why = refusal(asked, kind, demands)
        for found in () if why else founds:
            cache, fault = _restored(asking, lookup, theirs, found, key, glbls)
            if cache is not None:
                lookup.key, lookup.why = theirs, None
                lookups.note_hit(lookup, found)
                return cache
            why = f"a result saved as {kind} does not serve: {fault}"
        lookup.why = lookup.why or why
    return None


def _restored(
    asking: Restoring,
    lookup: Lookup,
    theirs: EntryKey,
    found: Found,
    key: _marimo.HashKey,
    glbls: dict[str, Any] | None,
) -> tuple[_marimo.Cache | None, str | None]:
    """The entry as a loader of its kind restores it, or why it did not."""
    loaded = contents.load(lookup.database, found, mapped.FORMATS)
    if loaded.why is not None:
        return None, loaded.why
    if (lookup.key.loader, theirs.loader) == ("json", "lazy"):
        # By what marimo would read in it: the formats in its rows, and even the
        # endings of its keys, promise nothing. A `.npy` may hold a pickle.
        manifest = loaded.contents.get(keys.key_of(theirs))
        if manifest is None or not _marimo.is_plain(manifest):
            return None, "not all its values are plain ones that JSON has"
    try:
        reader = asking.of_kind(theirs.loader)
        return reader.restored(lookup.database, key, loaded, glbls)
    except Exception as error:
        # Of its own entries `lazy` raises what is not signed, where the user wants
        # so. This is not what the user asked for.
        return None, f"it could not be restored ({error})"
