"""What an entry of a cell has beside its values: what the cell printed, and where random
numbers go on after it. In memory marimo's `Cache.meta` holds both.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec

from marimo_cellar import _marimo
from marimo_cellar.entries import keys
from marimo_cellar.entries.contents import Loaded
from marimo_cellar.entries.entries import EntryKey
from marimo_cellar.values import manifests

_T = TypeVar("_T")
_RandomStates = list[_marimo.RandomState]


def written(entry: EntryKey, cache: _marimo.Cache) -> Iterator[tuple[str, bytes]]:
    """The keys and bytes of what a cache has of it, which are saved with its values."""
    meta: dict[Any, Any] = cache.meta
    if printed := meta.get(_marimo.CONSOLE):
        yield keys.console_of(entry), msgspec.json.encode(printed)
    if random_states := meta.get(_marimo.RANDOM):
        yield keys.random_of(entry), msgspec.json.encode(random_states)


def restore(
    entry: EntryKey,
    loaded: Loaded,
    random_states: list[_marimo.RandomState],
    cache: _marimo.Cache,
) -> None:
    """Gives a restored cache what its entry has of it."""
    meta: dict[Any, Any] = cache.meta
    if printed := printed_in(entry, loaded):
        meta[_marimo.CONSOLE] = printed
    if random_states:
        meta[_marimo.RANDOM] = random_states


def printed_in(entry: EntryKey, loaded: Loaded) -> _marimo.Printed:
    """What a cell printed; nothing where that cannot be believed."""
    return _read(entry, loaded, keys.console_of(entry), _marimo.Printed) or []


def random_states_in(entry: EntryKey, loaded: Loaded) -> list[_marimo.RandomState]:
    """Where random numbers go on after a cell; nothing where that cannot be believed."""
    return _read(entry, loaded, keys.random_of(entry), _RandomStates) or []


def _read(entry: EntryKey, loaded: Loaded, key: str, kind: type[_T]) -> _T | None:
    """None for what cannot be read or is not signed as the rest is: an entry serves
    without it."""
    content = loaded.contents.get(key)
    manifest = loaded.contents.get(keys.key_of(entry))
    if content is None or manifest is None or not manifests.vouches_for(manifest, key):
        return None
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.MsgspecError:
        return None
