"""Frames of any kind come back as they were, or as marimo's own files give them back."""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import marimo
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from marimo._save.stubs.lazy_stub import BLOB_DESERIALIZERS, BLOB_SERIALIZERS
from polars.testing import assert_frame_equal

from marimo_cellar.values import batches, mapped
from tests.kernels import output_of

SERIALISE = BLOB_SERIALIZERS["arrow"]
DESERIALISE = BLOB_DESERIALIZERS[".arrow"]

NAMES = ("", "a", "b c", "ü", "0", "None", "index", "column_0", "__index_level_0__")
TEXTS = [str(number) for number in range(100)]
POLARS: tuple[Callable[[pl.Series], pl.Series], ...] = (
    *(lambda one, to=to: one.cast(to) for to in (pl.Int8, pl.UInt64, pl.Float32)),
    *(lambda one, to=to: one.cast(to) for to in (pl.Date, pl.Duration("ms"))),
    *(lambda one, to=to: one.cast(to) for to in (pl.Datetime("ns"), pl.Int128)),
    lambda one: one.cast(pl.Datetime("us", "Asia/Tokyo")),
    lambda one: one.cast(pl.String).cast(pl.Enum(TEXTS)),
    lambda one: one.cast(pl.String).cast(pl.Categorical),
    lambda one: one.cast(pl.String).cast(pl.Binary),
    lambda one: one.cast(pl.Decimal(20, 2)),
    lambda one: one.replace(7, None),
    lambda one: one.sort(descending=True),
    lambda one: one > 50,
)
PANDAS: tuple[Callable[[Any], Any], ...] = (
    *(lambda one, to=to: pd.array(one, dtype=to) for to in ("Int32", "Float64", "i1")),
    lambda one: pd.Categorical(one.astype(str), ordered=True),
    lambda one: pd.to_datetime(one, unit="s").tz_localize("Asia/Tokyo"),
    lambda one: pd.to_datetime(one, unit="s"),
    lambda one: pd.to_timedelta(one, unit="s"),
    lambda one: pd.array(one.astype(str), dtype="string"),
    lambda one: ["text" if number > 50 else None for number in one],
    lambda one: np.where(one > 50, np.nan, one),
    lambda one: pd.period_range("2020", periods=len(one), freq="h"),
)


def columns(kinds: Any) -> Any:
    return st.dictionaries(
        st.sampled_from(NAMES), st.sampled_from(kinds), min_size=1, max_size=4
    )


rows = st.sampled_from([0, 3, batches.BATCH_ROWS + 3])


def both(value: Any) -> tuple[Any, Any]:
    """What marimo makes of its own bytes, and of a mapping of ours."""
    hint = f"{type(value).__module__}.{type(value).__name__}"
    with batches.in_batches():
        ours = batches.batching(SERIALISE)(value)
    with tempfile.TemporaryFile() as file:
        file.write(ours)
        file.flush()
        mapping = mmap.mmap(file.fileno(), len(ours), access=mmap.ACCESS_COPY)
    restore = mapped.deserialiser(".arrow", DESERIALISE)
    return DESERIALISE(SERIALISE(value), hint), restore(mapping, hint)


@pytest.mark.skipif(
    marimo.__version__ < "0.25",
    reason="what marimo 0.24 reads itself, it gives names, and it knows no Int128",
)
@settings(max_examples=40)
@given(columns(POLARS), rows)
def test_of_polars(kinds: dict[str, Callable[[Any], Any]], rows: int) -> None:
    numbers = pl.Series(np.arange(rows) * 37 % 100)
    frame = pl.DataFrame({name: kind(numbers) for name, kind in kinds.items()})
    _, ours = both(frame)
    assert ours.schema == frame.schema
    assert_frame_equal(ours, frame, check_exact=True)


@settings(max_examples=40)
@given(columns(PANDAS), rows)
def test_of_pandas(kinds: dict[str, Callable[[Any], Any]], rows: int) -> None:
    numbers = np.arange(rows) * 37 % 100
    frame = pd.DataFrame({name: kind(numbers) for name, kind in kinds.items()})
    frame.attrs["unit"] = "kg"
    theirs, ours = both(frame)
    pd.testing.assert_frame_equal(ours, theirs, check_exact=True)
    assert ours.attrs == theirs.attrs


@pytest.mark.parametrize("is_mapped", [False, True])
def test_an_index_of_pandas_own_types_is_known_where_none_was_written(
    is_mapped: bool, tmp_path: Path
) -> None:
    indexes = [
        pd.period_range("2020", periods=2, freq="Q"),
        pd.IntervalIndex.from_breaks([0, 1, 2], closed="left", name="i"),
        pd.MultiIndex.from_product([pd.interval_range(0, 1), ["a"]]),
    ]
    values = [pd.Series([1] * len(index), index=index) for index in indexes]
    for number, value in enumerate(values):
        (tmp_path / f"{number}").write_bytes(SERIALISE(value))
    # Which has to be another process than the one that wrote them.
    told = output_of(
        """
        import mmap, sys
        from pathlib import Path
        from marimo._save.stubs.lazy_stub import BLOB_DESERIALIZERS
        from marimo_cellar.values.mapped import deserialiser
        load = deserialiser(".arrow", BLOB_DESERIALIZERS[".arrow"])
        for path in sorted(Path(sys.argv[1]).iterdir()):
            with path.open("rb") as file:
                data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            data = data if sys.argv[2] == "True" else bytes(data)
            print(repr(load(data, "pandas.Series").index))
        """,
        tmp_path,
        is_mapped,
    )
    assert told.split() == "\n".join(repr(index) for index in indexes).split()
