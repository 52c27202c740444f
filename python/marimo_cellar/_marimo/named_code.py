"""The classes and functions of the notebook that a pickle has no more of than the names."""

from __future__ import annotations

import io
from contextlib import suppress
from types import FunctionType
from typing import Any

from marimo._runtime.primitives import is_data_primitive, is_primitive
from marimo._save.stubs import maybe_get_custom_stub

from marimo_cellar._marimo import own
from marimo_cellar._marimo.loaders import cached_function
from marimo_cellar._marimo.pickles import SortingPickler


def code_named_by(value: Any) -> list[Any]:
    """Those that a value's pickle would name, in its order; of one that cannot be pickled,
    those that it comes to before it fails. Never raises."""
    finding = _Finding(io.BytesIO())
    with suppress(Exception):
        finding.dump(value)
    return finding.found


class _Finding(SortingPickler):
    """Pickles as marimo does for a hash, for what is `found` on the way."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.found: list[Any] = []

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, FunctionType | type) or cached_function(value) is not None:
            if not own.is_own(cached_function(value) or value):
                return NotImplemented
            self.found.append(value)
            # Not by its name: one without, such as a lambda, could not be pickled.
            return (bytes, ())
        if maybe_get_custom_stub(value) or _has_bytes(value):
            return (bytes, ())
        return NotImplemented


def _has_bytes(value: Any) -> bool:
    try:
        return not is_primitive(value) and is_data_primitive(value)
    except Exception:
        return False
