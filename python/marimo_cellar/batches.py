"""Data frames in record batches that a reader can page through.

marimo's serialiser writes a pandas frame as one record batch of any size, which
nobody can show page by page. While an entry of ours is being written, frames of
more than `BATCH_ROWS` rows are written in batches; all else, and whatever fails
here, goes through marimo's own serialiser.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

BATCH_ROWS = 65_536

Serialiser = Callable[[Any], bytes]

_writing = threading.local()


@contextmanager
def in_batches() -> Iterator[None]:
    """Writes frames in batches on this thread, and only here.

    The serialisers are one table for the whole process, which stores that are
    not ours use as well.
    """
    _writing.on = True
    try:
        yield
    finally:
        _writing.on = False


def batching(serialise: Serialiser) -> Serialiser:
    """marimo's serialiser for Arrow, writing batches where asked to."""

    def dump(value: Any) -> bytes:
        if getattr(_writing, "on", False) and _rows(value) > BATCH_ROWS:
            try:
                return _dump(value)
            except Exception:
                pass
        return serialise(value)

    return dump


def _rows(value: Any) -> int:
    try:
        return len(value)
    except TypeError:
        return 0


def _dump(value: Any) -> bytes:
    """The Arrow file of a data frame or a series, in batches.

    What marimo writes is followed to the letter but for the batches: its own
    deserialiser, chosen by the value's type, must restore an equal value
    (`_arrow_dump` in marimo/_save/stubs/lazy_stub.py).
    """
    frame = value
    if not callable(getattr(type(frame), "write_ipc", None)) and callable(
        getattr(type(frame), "to_frame", None)
    ):
        frame = frame.to_frame()
    buffer = io.BytesIO()
    if callable(getattr(type(frame), "write_ipc", None)):
        frame.write_ipc(buffer, record_batch_size=BATCH_ROWS)
        return buffer.getvalue()

    import pyarrow as pa

    table = pa.Table.from_pandas(frame)
    options = pa.ipc.IpcWriteOptions(
        compression="lz4" if pa.Codec.is_available("lz4") else None
    )
    with pa.ipc.new_file(buffer, table.schema, options=options) as writer:
        writer.write_table(table, max_chunksize=BATCH_ROWS)
    return buffer.getvalue()
