"""What a call is made with, where it names classes and functions: an instance, a method, a
list of functions. marimo hashes its pickle, which has their names alone, so that the old
answer would be served once one of them was edited.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from marimo._save import hash as hashing
from marimo._save.hash import BlockHasher

from marimo_cellar._marimo import own
from marimo_cellar._marimo.code_digests import CodeDigest
from marimo_cellar._marimo.named_code import code_named_by

_hasher: ContextVar[Any] = ContextVar("cellar_hasher", default=None)


def hash_named_code(serialize: Callable[..., Any]) -> None:
    """Has marimo hash with a pickle all that classes and functions do which it names.
    `serialize` is how marimo hashes variables."""
    hashers: Any = BlockHasher
    collect: Callable[..., Any] = hashers.collect_for_content_hash
    dumps: Callable[[Any, str], bytes] = vars(hashing)["deterministic_dumps"]

    def collecting(hasher: Any, *arguments: Any, **options: Any) -> Any:
        token = _hasher.set(hasher)
        try:
            return collect(hasher, *arguments, **options)
        finally:
            _hasher.reset(token)

    def dumping(value: Any, algorithm: str) -> bytes:
        data = dumps(value, algorithm)
        hasher = _hasher.get()
        if hasher is None or not own.may_be_named_in(data):
            return data
        named = code_named_by(value)
        return data + CodeDigest(hasher, "", serialize, named).digest()

    hashers.collect_for_content_hash = collecting
    vars(hashing)["deterministic_dumps"] = dumping
