"""Values over a mapped file, which are not copied on their way.

marimo's deserialisers copy the bytes they are given, so for a mapping they are
replaced. What comes out is as marimo restores it: of the same type, and as free to
be changed. What cannot be made so, or fails here, goes through marimo's own.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Callable, Mapping
from typing import Any

from marimo_cellar.values import frames

# What may be mapped. A pickle is restored from a mapping as it is from bytes.
FORMATS = frozenset(("arrow", "npy", "pickle"))

Deserialiser = Callable[[Any, str | None], Any]

# What polars makes the same of by way of pyarrow, which needs no copy, as by its own
# reader. Its categories and nested types it would not always know again.
_SAME_IN_POLARS = (
    r"u?int(8|16|32|64)|float|double|bool|date32\[day\]|time64\[ns\]"
    r"|(string|binary)_view|large_(string|binary)"
    r"|duration\[(ms|us|ns)\]|timestamp\[(ms|us|ns)(, tz=[\w/+:-]+)?\]"
)


def deserialiser(suffix: str, deserialise: Deserialiser) -> Deserialiser:
    """marimo's deserialiser of a suffix, one of `RESTORING`, but for mappings ours."""
    restore = RESTORING[suffix]

    def load(data: Any, type_hint: str | None = None) -> Any:
        of_pandas = suffix == ".arrow" and _is_of_pandas(type_hint)
        if of_pandas:
            import pyarrow as pa

            schema = pa.ipc.open_file(pa.py_buffer(data)).schema
            frames.learn_types(schema)
        if isinstance(data, mmap.mmap):
            try:
                value = restore(data, type_hint)
            except Exception:
                value = None
            if value is not None:
                return value
            data = bytes(data)
        value = deserialise(data, type_hint)
        return frames.mended(value, schema.metadata) if of_pandas else value

    return load


def array(data: mmap.mmap, type_hint: str | None) -> Any | None:
    """A numpy array that lies in the mapping; None for one that cannot.

    The format is numpy's own (`numpy.lib.format`).
    """
    import numpy as np
    from numpy.lib import format as npy

    del type_hint
    version = npy.read_magic(data)
    headers: dict[object, Any] = {
        (1, 0): npy.read_array_header_1_0,
        (2, 0): npy.read_array_header_2_0,
    }
    if version not in headers:
        return None
    shape, fortran, dtype = headers[version](data)
    if dtype.hasobject:
        return None
    return np.ndarray(
        shape, dtype, data, offset=data.tell(), order="F" if fortran else "C"
    )


def frame(data: mmap.mmap, type_hint: str | None) -> Any | None:
    """A data frame or a series; None for one that would not be as it was saved.

    Its Arrow columns lie in the mapping where the library can take them from there.
    """
    import pyarrow as pa

    table = pa.ipc.open_file(pa.py_buffer(data)).read_all()
    if _is_of_pandas(type_hint):
        restored = table.to_pandas()
        value = restored.iloc[:, 0] if _is_series(type_hint) else restored
        return frames.mended(value, table.schema.metadata)

    import polars as pl

    if not all(
        field.metadata is None and re.fullmatch(_SAME_IN_POLARS, str(field.type))
        for field in table.schema
    ):
        return None
    # It gives a column without a name, as a series often is, one of its own making.
    names = table.column_names
    numbered = table.rename_columns([str(place) for place in range(len(names))])
    restored = pl.from_arrow(numbered, rechunk=False)
    assert isinstance(restored, pl.DataFrame)
    restored.columns = names
    return restored.to_series(0) if _is_series(type_hint) else restored


def _is_of_pandas(type_hint: str | None) -> bool:
    return (type_hint or "").startswith("pandas.")


def _is_series(type_hint: str | None) -> bool:
    return (type_hint or "").endswith(".Series")


RESTORING: Mapping[str, Callable[[mmap.mmap, str | None], Any | None]] = {
    ".npy": array,
    ".arrow": frame,
}
