"""What marimo makes a key of, and what becomes of values that it cannot hash."""

from __future__ import annotations

import hashlib
import numbers
from collections.abc import Callable, Iterable
from typing import Any

from marimo._runtime.context import safe_get_context
from marimo._save.hash import HashKey

_HASHED = "_cellar_hashed"
# Up to this, whole numbers of NumPy's are hashed as marimo does, as entries go by.
_MOST_ZEROS = 65_536
# What nearly all values are, of which it takes long to ask whether they are whole numbers.
_COMMON = (str, int, float, tuple, bytes, type(None))


def keep_hashed() -> None:
    """Has a key of marimo's say what it is a hash of besides code: see `hashed_in`.

    marimo makes a digest of each variable anyway; only its table of them is kept.
    """
    from marimo._save.hash import BlockHasher

    apply, key = BlockHasher._apply_content_hash, BlockHasher.key
    assert isinstance(key, property)
    make_key: Any = key.fget

    def apply_and_keep(hasher: Any, content: dict[str, bytes]) -> None:
        hasher._cellar_hashed = content
        apply(hasher, content)

    def key_that_says(hasher: Any) -> HashKey:
        made: HashKey = make_key(hasher)
        vars(made)[_HASHED] = getattr(hasher, "_cellar_hashed", {})
        return made

    hashers: Any = BlockHasher
    hashers._apply_content_hash = apply_and_keep
    hashers.key = property(key_that_says)


def hashed_in(key: HashKey) -> dict[str, bytes] | None:
    """What marimo hashed besides code, by the name in the code; None if unknown.

    That is a digest, or, for a module, a text of its name and version in a wrapping.
    """
    from marimo._ast.variables import unmangle_local

    found: dict[str, bytes] | None = vars(key).get(_HASHED)
    if found is None:
        return None
    return {unmangle_local(name).name: value for name, value in found.items()}


def forget_hashes(names: Iterable[str]) -> None:
    """Has variables hashed anew that a cell is about to change: of an array or a frame
    marimo keeps what it hashed it to, until the cell that defines it runs again."""
    context = safe_get_context()
    if context is not None:
        for name in names:
            context.cache.hash_memo.pop(name, None)


def hash_watched_folders() -> None:
    """Has what reads a folder that `mo.watch.directory` watches depend on what is in it.

    marimo hashes such a one by its text, for which it goes through the folder twice, and
    finds it empty the second time.
    """
    from marimo._runtime.watch._directory import DirectoryState, walk

    to_text = DirectoryState.__repr__

    def to_text_with_names(state: Any) -> str:
        found = sorted(
            (str(folder), sorted(folders), sorted(files))
            for folder, folders, files in walk(state._value)
        )
        digest = hashlib.sha256(repr(found).encode("utf-8", "surrogateescape"))
        return f"{to_text(state)} {digest.hexdigest()}"

    # mypy has no method that is replaced.
    setattr(DirectoryState, "__repr__", to_text_with_names)  # noqa: B010


def hash_by_code() -> None:
    """Has a variable whose content marimo fails to hash be hashed as one whose content
    it does not try to: by the code that it comes from, or an argument by its pickle.

    marimo takes numbers, texts, arrays and containers for what it has the bytes of, and
    raises for some: integers beyond 64 bits, complex numbers, `Decimal`, categories, keys
    of several types. With caching on, a cell that reads one would fail. Of a whole number
    of NumPy's, such as a sum, it makes as many zeros as the number says.
    """
    from marimo._save import encode, hash
    from marimo._save.hash import BlockHasher, SerialRefs
    from marimo._save.loaders import lazy

    to_bytes: Callable[[Any], bytes] = vars(encode)["primitive_to_bytes"]
    to_few_bytes = _to_few_bytes(to_bytes)
    for module in (encode, hash):
        vars(module)["primitive_to_bytes"] = to_few_bytes

    hashers: Any = BlockHasher
    serialize: Callable[..., Any] = hashers.serialize_and_dequeue_content_refs

    def serialize_what_can_be(
        hasher: Any, refs: set[str], scope: dict[str, Any], *more: Any
    ) -> Any:
        try:
            return serialize(hasher, refs, scope, *more)
        except Exception:
            left: set[str] = set()
            content: dict[str, bytes] = {}
            # Each by itself comes to the same as all of them.
            for ref in refs:
                try:
                    found = serialize(hasher, {ref}, scope, *more)
                except Exception:
                    left.add(ref)
                else:
                    left |= found[0]
                    content.update(found[1])
            return SerialRefs(left, content, set())

    hashers.serialize_and_dequeue_content_refs = serialize_what_can_be
    names = vars(lazy)
    # Which 0.24 has not.
    if digest := names.get("_maybe_content_digest"):
        names["_maybe_content_digest"] = _digest_if_any(digest)


def _to_few_bytes(to_bytes: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
    def to_few_bytes(value: Any) -> bytes:
        if not isinstance(value, _COMMON) and _is_many_zeros(value):
            raise ValueError(f"{value} zeros")
        return to_bytes(value)

    return to_few_bytes


def _digest_if_any(digest: Callable[..., object]) -> Callable[..., str]:
    def digest_if_any(value: Any, *more: Any) -> str:
        try:
            return str(digest(value, *more))
        except Exception:
            return ""

    return digest_if_any


def _is_many_zeros(value: Any) -> bool:
    return isinstance(value, numbers.Integral) and int(value) > _MOST_ZEROS
