"""Data frames and series that Arrow gives back as what they are.

What marimo writes of a frame of pandas lacks the frequency of its index, and takes a
series without a name for one called 0, numbered columns for a list of numbers, and text
among Python's objects for a column of text. These are noted in the schema's metadata of
what we write. Whether a frame loses anything else is told by what becomes of a few of
its rows, where its types alone do not say that it comes back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date
from functools import cache
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
    missing = {
        place: found
        for place, column in enumerate(_columns(value))
        if column.dtype == object and (found := _missing_text(column)) is not None
    }
    if missing:
        notes["objects"] = list(missing.items())
    return {_KEY: json.dumps(notes).encode()} if notes else {}


def mended(value: Any, metadata: Any) -> Any:
    """What Arrow gave back of pandas, with what was noted of it."""
    text = (metadata or {}).get(_KEY)
    if text is None:
        return value
    import pandas as pd

    notes = json.loads(text)
    for place, missing in notes.get("objects", ()):
        if isinstance(value, pd.Series):
            value = _of_objects(value, missing)
        else:
            value.isetitem(place, _of_objects(value.iloc[:, place], missing))
    if notes.get("unnamed"):
        value.name = None
    if "columns" in notes:
        names = value.columns.name
        value.columns = pd.RangeIndex(*notes["columns"], name=names)
    if "freq" in notes:
        value.index.freq = notes["freq"]
    return value


def learn_types(schema: Any) -> None:
    """Has Arrow know pandas' types of periods and intervals, where a schema names one.

    pandas tells it of them only as it writes one. In a process that wrote none, an index
    of periods came back as numbers, and one of intervals as dictionaries.
    """
    names = (
        (field.metadata or {}).get(b"ARROW:extension:name", b"") for field in schema
    )
    if any(name.startswith(b"pandas.") for name in names):
        _tell_types()


@cache
def _tell_types() -> None:
    import pandas as pd
    import pyarrow as pa

    pa.array(pd.period_range("2000", periods=1, freq="D"))
    pa.array(pd.interval_range(0, 1))


def _may_come_back(objects: Any) -> bool:
    """Whether Python's own objects are some that Arrow, or what is noted, makes again:
    of all others it makes what is more like it."""
    import pandas as pd

    values, missing = _kinds(objects)
    if values == {str} and isinstance(objects, pd.Series):
        return _noted_for(missing) is not None
    return values in ({str}, {bytes}, {date}) and missing <= {type(None)}


def _missing_text(column: Any) -> str | None:
    """What stands for missing text in a column of objects; None where that is not the
    same everywhere, or where there is anything but text."""
    values, missing = _kinds(column)
    return _noted_for(missing) if values == {str} else None


def _noted_for(missing: set[type]) -> str | None:
    """What is noted of such missing text; None of what cannot be made again."""
    if missing <= {type(None)}:
        return "None"
    return "NaN" if missing == {float} else None


def _kinds(objects: Any) -> tuple[set[type], set[type]]:
    """The classes of the values that there are, and of those that stand for none.

    To themselves, since what derives from text is text to pandas, and comes back as it.
    """
    missing = objects.isna()
    return set(map(type, objects[~missing])), set(map(type, objects[missing]))


def _of_objects(column: Any, missing: str) -> Any:
    """A column of text as one of Python's objects."""
    import pandas as pd

    objects = column.to_numpy(dtype=object, copy=True)
    objects[column.isna().to_numpy()] = None if missing == "None" else float("nan")
    made = pd.Series(objects, index=column.index, name=column.name, dtype=object)
    made.attrs = column.attrs
    return made


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

    doubtful = _doubtful(value)
    if doubtful is None:
        return True
    if not all(map(_may_come_back, _objects(doubtful))):
        return False
    few = _few(doubtful)
    restored = way(few)
    if few.attrs != restored.attrs or _freq(few) != _freq(restored):
        return False
    if isinstance(few, pd.Series):
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


def _doubtful(value: Any) -> Any | None:
    """What of a frame or series its types do not say that Arrow gives it back: all of
    it, the columns that are not plain, or nothing.

    To write and compare a few rows takes some milliseconds, and half a millisecond more
    for each column.
    """
    import pandas as pd

    index = value.index
    plain_index = type(index) is pd.RangeIndex and index.name is None
    ordinary = not value.attrs and value.flags.allows_duplicate_labels
    if isinstance(value, pd.Series):
        named = value.name is None or type(value.name) is str
        plain = ordinary and plain_index and named and _is_plain(value.dtype)
        return None if plain else value
    columns = value.columns
    named = (
        columns.name is None
        and columns.is_unique
        and columns.dtype == _text_type()
        and all(type(name) is str for name in columns)
    )
    if not ordinary or not (named or type(columns) is pd.RangeIndex):
        return value
    places = [n for n, kind in enumerate(value.dtypes) if not _is_plain(kind)]
    if plain_index and not places and len(columns) > 0:
        return None
    return value.iloc[:, places or [0]] if named and len(columns) > 0 else value


def _is_plain(kind: Any) -> bool:
    """Whether a column's type is one that Arrow has as well."""
    import numpy as np

    if isinstance(kind, np.dtype):
        return kind.kind in "iufb" and kind.isnative and kind != np.float16
    return kind.name == "str" and bool(kind == _text_type())


@cache
def _text_type() -> Any:
    """The type of a column of text that nobody has chosen one for."""
    import pandas as pd

    return pd.Index(["a"]).dtype


def _few(value: Any) -> Any:
    """A few rows, with one of each column of objects that is none of the missing."""
    rows = {
        int(objects.notna().argmax())
        for objects in _objects(value)
        if len(objects) == len(value) > 0
    }
    first = range(min(_ROWS, len(value)))
    if rows <= set(first):
        return value.iloc[:_ROWS]
    return value.iloc[sorted({*first, *rows})]


def _columns(value: Any) -> list[Any]:
    import pandas as pd

    if isinstance(value, pd.Series):
        return [value]
    return [value.iloc[:, place] for place in range(value.shape[1])]


def _objects(value: Any) -> Iterator[Any]:
    """What of a frame Python's own objects are in: columns, indexes, categories."""
    import pandas as pd

    parts: list[Any] = _columns(value)
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
