"""Manifests: what marimo's `lazy` loader writes last of an entry, as JSON.

Its schema is `Cache` in marimo/_save/stubs/lazy_stub.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec

from marimo_cellar.values.blobfile import Bytes

# What JSON that is no manifest raises; the last, when it is nested too deep.
_UNREADABLE = (
    msgspec.MsgspecError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    RecursionError,
)


# A manifest holds texts and numbers themselves, which may be many megabytes.
_REMEMBERED_BYTES = 64 * 1024


def _content(manifest: bytes) -> Any:
    # By what marimo reads it with, which takes a fifth of the time of Python's own.
    read = _remembered if len(manifest) <= _REMEMBERED_BYTES else msgspec.json.decode
    return read(manifest)


# Each step of a load or a save asks for another part of the same one.
@lru_cache(maxsize=8)
def _remembered(manifest: bytes) -> Any:
    return msgspec.json.decode(manifest)


def type_hints(manifest: Bytes) -> dict[str, str | None]:
    """The keys of the blobs that it names, with the type of each one's value.

    None at all if it cannot be read, which `fault` says.
    """
    try:
        content: Any = _content(bytes(manifest))
        hints = {
            item["reference"]: item.get("type_hint")
            for item in _items(content)
            if item.get("reference")
        }
    except _UNREADABLE:
        return {}
    return {
        key: hint if isinstance(hint, str) else None
        for key, hint in hints.items()
        if isinstance(key, str)
    }


def unserialised(manifest: Bytes) -> list[str]:
    """The variables of which it has no more than the type, in order; none at all if it
    cannot be read."""
    try:
        content: Any = _content(bytes(manifest))
        return sorted(
            str(name)
            for name, item in content["defs"].items()
            if _is_unserialised(item)
        )
    except _UNREADABLE:
        return []


def lacks_output(manifest: Bytes | None) -> bool:
    """Whether what a cell shows, or a function returns, could not be saved."""
    try:
        content: Any = _content(bytes(manifest or b""))
        return _is_unserialised(content["meta"].get("return_value"))
    except _UNREADABLE:
        return False


def _is_unserialised(item: Any) -> bool:
    return bool(item) and item.get("unserializable_type") is not None


def names(manifest: Bytes) -> frozenset[str]:
    """The variables that it restores; none at all if it cannot be read."""
    try:
        content: Any = _content(bytes(manifest))
        return frozenset(map(str, content["defs"]))
    except _UNREADABLE:
        return frozenset()


def vouches_for(manifest: Bytes, key: str) -> bool:
    """Whether it signs the digest of a key, or nobody signed it."""
    try:
        meta: Any = _content(bytes(manifest))["meta"]
        return not meta.get("signature") or key in meta.get("blob_hashes", {})
    except _UNREADABLE:
        return False


def signed(manifest: Bytes) -> frozenset[str]:
    """The keys whose digests it signs; none if it cannot be read."""
    try:
        content: Any = _content(bytes(manifest))
        return frozenset(content.get("meta", {}).get("blob_hashes", {}))
    except _UNREADABLE:
        return frozenset()


def fault(
    manifest: Bytes,
    hash: str,
    digests: Mapping[str, bytes],
    names: frozenset[str] | None = None,
) -> str | None:
    """Why marimo should not even see the entry, in a few words.

    `digests` are those of the blobs that are there, by key. `names` are those that
    the entry must restore, where they are known.
    """
    try:
        content: Any = _content(bytes(manifest))
        if content["hash"] != hash:
            return "it holds another result"
        if names is not None and names != set(content["defs"]):
            return "it holds other names"
        if _is_unserialised(content.get("meta", {}).get("return_value")):
            return "its output could not be saved"
        references = {
            item["reference"] for item in _items(content) if item.get("reference")
        }
        if not references <= digests.keys():
            return "it is not whole"
        # marimo checks these once more as it restores a signed entry. What is signed and
        # no value, the entry can do without.
        for key, digest in content.get("meta", {}).get("blob_hashes", {}).items():
            if digests.get(key, bytes.fromhex(digest)) != bytes.fromhex(digest):
                return "its bytes are not those that were signed"
    except _UNREADABLE:
        return "its manifest cannot be read"
    return None


def json_fault(whole: Bytes, hash: str) -> str | None:
    """The same of an entry that marimo's `json` loader wrote, as one object."""
    try:
        content: Any = json.loads(bytes(whole))
        # marimo reads it from `key` where there is one.
        found = content.get("key", content)["hash"]
        runtime = content["meta"].get("runtime", 0)
        # marimo stumbles over these only once it has taken the entry for a hit.
        if not (isinstance(runtime, int | float) and isinstance(content["defs"], dict)):
            return "it cannot be read"
    except _UNREADABLE:
        return "it cannot be read"
    return None if found == hash else "it holds another result"


def _items(content: Any) -> list[Any]:
    value = content.get("meta", {}).get("return_value")
    return [*content["defs"].values(), value or {}]
