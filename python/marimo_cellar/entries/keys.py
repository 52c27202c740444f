"""marimo's store keys, which are also the paths of its own cache's files.

`{name}/{T}_{hash}.pickle` (or `.json`) is a whole entry. `{name}/{T}_{hash}.jsonl`
is the manifest of an entry whose blobs are `{name}/{hash}/{variable}.{format}`
(`build_path` in marimo/_save/loaders/loader.py, `to_item` in loaders/lazy.py).
"""

from __future__ import annotations

import re

from marimo_cellar.entries import blobs
from marimo_cellar.entries.entries import EntryKey

# Compiled when one is met, as other patterns here: a run whose cells all hit meets few.
_ENTRY = r"([^/]+)/([PCEXDU])_([^/]+)\.(jsonl|pickle|json)"
# The hash is a digest in base64; any other folder's file stands for itself.
_PART = r"([^/]+)/([\w-]{20,})/([^/]+)\.([a-z]+)"
_LOADERS = {"jsonl": "lazy", "pickle": "pickle", "json": "json"}
_SUFFIXES = {loader: suffix for suffix, loader in _LOADERS.items()}


def posix(key: str) -> str:
    """marimo joins some keys by the system's separator, and some by a slash."""
    return key.replace("\\", "/")


def entry_of(key: str) -> EntryKey | None:
    """The entry that a key is the whole or the manifest of."""
    parts = re.fullmatch(_ENTRY, key)
    if parts is None:
        return None
    name, cache_type, hash, suffix = parts.groups()
    return EntryKey(name, cache_type, hash, _LOADERS[suffix])


def key_of(entry: EntryKey) -> str:
    """The key that `entry_of` reads; not for entries that no loader made."""
    suffix = _SUFFIXES[entry.loader]
    return f"{entry.cache_name}/{entry.cache_type}_{entry.hash}.{suffix}"


def owner_of(key: str) -> tuple[str, str] | None:
    """Cache name and hash of the entry that a key is a blob of."""
    parts = re.fullmatch(_PART, key)
    if parts is None or parts[4] not in blobs.FORMATS:
        return None
    return parts[1], parts[2]


def console_of(entry: EntryKey) -> str:
    """The key of what a cell printed, which is none of its variables' and marimo has not:
    in JSON, a list of objects of one member each (`_marimo.Printed`)."""
    return f"{entry.cache_name}/{entry.hash}/console output.json"


def random_of(entry: EntryKey) -> str:
    """The key of where random numbers went on after a cell: in JSON, a list of
    `_marimo.RandomState`."""
    return f"{entry.cache_name}/{entry.hash}/random state.json"


def stem(key: str) -> str:
    """What people call the key's value: the name of its variable."""
    return key.rpartition("/")[2].rpartition(".")[0] or key.rpartition("/")[2]


def format_of(key: str) -> str:
    """One of `blobs.FORMATS`."""
    suffix = key.rpartition("/")[2].rpartition(".")[2]
    if suffix == "jsonl":
        return "manifest"
    return suffix if suffix in blobs.FORMATS else "bin"
