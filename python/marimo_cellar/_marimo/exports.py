"""The keys of a run, and the export that ships them: `html-wasm --execute`."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from marimo._save.loaders import LazyLoader
from marimo._save.loaders.lazy import LazyStore
from marimo._save.stores import Store


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
