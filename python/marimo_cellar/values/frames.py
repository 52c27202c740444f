"""Data frames and series that Arrow gives back as what they are.

What marimo writes of a frame of pandas lacks the frequency of its index, and takes a
series without a name for one called 0, and numbered columns for a list of numbers.
These are noted in the schema's metadata of what we write. A frame that loses anything
else is told by what becomes of a few of its rows.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

# In the schema's metadata, beside the one of pandas.
_KEY = b"marimo_cellar"
_ROWS = 8
_KINDS = frozenset(
    {
        "pandas.DataFrame",
        "pandas.Series",
        "pandas.core.frame.DataFrame",
        "pandas.core.series.Series",
        "polars.dataframe.frame.DataFrame",
        "polars.series.series.Series",
    }
)


def noted(value: Any) -> dict[bytes, bytes]:
    """The metadata that a frame or series of pandas needs besides its own."""
    import pandas as pd

    notes: dict[str, Any] = {}
    if isinstance(value, pd.Series):
        if value.name is None:
            notes["unnamed"] = True
    elif type(value.columns) is pd.RangeIndex:
        columns = value.columns
        notes["columns"] = [columns.start, columns.stop, columns.step]
    if isinstance(value.index, pd.DatetimeIndex | pd.TimedeltaIndex):
        freq = value.index.freqstr
        if freq is not None:
            notes["freq"] = freq
    return {_KEY: json.dumps(notes).encode()} if notes else {}


def mended(value: Any, metadata: Any) -> Any:
    """What Arrow gave back of pandas, with what was noted of it."""
    text = (metadata or {}).get(_KEY)
    if text is None:
        return value
    import pandas as pd

    notes = json.loads(text)
    if notes.get("unnamed"):
        value.name = None
    if "columns" in notes:
        names = value.columns.name
        value.columns = pd.RangeIndex(*notes["columns"], name=names)
    if "freq" in notes:
        value.index.freq = notes["freq"]
    return value


def is_kept(value: Any, way: Callable[[Any], Any]) -> bool:
    """Whether a frame or series comes back whole on its way through Arrow and back."""
    kind = type(value)
    if f"{kind.__module__}.{kind.__name__}" not in _KINDS:
        return False
    try:
        if kind.__module__.startswith("polars"):
            few = value.head(_ROWS)
            restored = way(few)
            return type(restored) is kind and bool(_schema(few) == _schema(restored))
        return _is_kept_by_pandas(value, way)
    except Exception:
        return False


def _schema(value: Any) -> Any:
    return getattr(value, "schema", None) or (value.name, value.dtype)


def _is_kept_by_pandas(value: Any, way: Callable[[Any], Any]) -> bool:
    import pandas as pd

    for objects in _objects(value):
        # Of all else that is an object Arrow makes what is more like it.
        if pd.api.types.infer_dtype(objects) not in ("string", "bytes", "date"):
            return False
        if any(one is not None for one in objects[objects.isna()]):
            return False
    few = value.iloc[: len(value)] if len(value) <= _ROWS else _few(value)
    restored = way(few)
    if few.attrs != restored.attrs or _freq(few) != _freq(restored):
        return False
    if isinstance(value, pd.Series):
        pd.testing.assert_series_equal(
            few, restored, check_index_type="exact", check_exact=True, check_flags=True
        )
    else:
        pd.testing.assert_frame_equal(
            few,
            restored,
            check_index_type="exact",
            check_column_type="exact",
            check_exact=True,
            check_flags=True,
        )
    # By the first rows alone, a frequency of one's own is as a day.
    return _freq(value) is None or _freq(value) == _offset(value.index.freqstr)


def _few(value: Any) -> Any:
    """A few rows, with one of each column of objects that is none of the missing."""
    rows = {
        int(objects.notna().argmax())
        for objects in _objects(value)
        if len(objects) == len(value)
    }
    first = range(_ROWS)
    return (
        value.iloc[:_ROWS]
        if rows <= set(first)
        else value.iloc[sorted({*first, *rows})]
    )


def _objects(value: Any) -> Iterator[Any]:
    """What of a frame Python's own objects are in: columns, indexes, categories."""
    import pandas as pd

    frame = value.to_frame() if isinstance(value, pd.Series) else value
    parts: list[Any] = [frame.iloc[:, place] for place in range(frame.shape[1])]
    parts += [value.index.get_level_values(n) for n in range(value.index.nlevels)]
    for part in parts:
        if isinstance(part.dtype, pd.CategoricalDtype):
            part = part.dtype.categories
        if part.dtype == object:
            yield part


def _freq(value: Any) -> Any:
    import pandas as pd

    if not isinstance(value.index, pd.DatetimeIndex | pd.TimedeltaIndex):
        return None
    return value.index.freq


def _offset(freq: str) -> Any:
    from pandas.tseries.frequencies import to_offset

    return to_offset(freq)
