"""Data frames in record batches that a reader can page through and map.

marimo's serialiser writes a pandas frame as one record batch of any size, which
nobody can show page by page, and compressed, so that reading it copies it twice.
While an entry of ours is being written, frames of more than `BATCH_ROWS` rows or
`LARGE_BYTES` are written in batches, and compressed only where that saves half, and
so are frames of which more is to be noted than marimo does (`frames.py`); all else,
and whatever fails here, goes through marimo's own serialiser.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from marimo_cellar.values.frames import noted

BATCH_ROWS = 65_536
LARGE_BYTES = 1024 * 1024

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
        if getattr(_writing, "on", False):
            try:
                notes = _notes(value)
                if notes or _is_large(value):
                    return _dump(value, notes)
            except Exception:
                pass
        return serialise(value)

    return dump


def _is_large(value: Any) -> bool:
    try:
        if len(value) > BATCH_ROWS:
            return True
        used = value.memory_usage()
        return int(getattr(used, "sum", lambda: used)()) > LARGE_BYTES
    except (AttributeError, TypeError, ValueError):
        # Not a frame of pandas; polars writes its own uncompressed.
        return False


def _notes(value: Any) -> dict[bytes, bytes]:
    if type(value).__module__.split(".")[0] != "pandas":
        return {}
    return noted(value)


def _dump(value: Any, notes: dict[bytes, bytes]) -> bytes:
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
    if notes:
        table = table.replace_schema_metadata(
            {**(table.schema.metadata or {}), **notes}
        )
    _write(buffer, table, _compression(table))
    return buffer.getvalue()


def _compression(table: Any) -> str | None:
    """LZ4 where it saves half, judged by the batch in the middle.

    Restoring a frame of random numbers, of which it saves a third, took it 50 ms for
    100 MB and a mapping of uncompressed ones 16; writing it took twice as long.
    """
    import pyarrow as pa

    if not pa.Codec.is_available("lz4"):
        return None
    sample = table.slice(table.num_rows // 2, BATCH_ROWS)
    sizes = []
    for codec in (None, "lz4"):
        counted = pa.MockOutputStream()
        _write(counted, sample, codec)
        sizes.append(counted.size())
    return "lz4" if sizes[1] * 2 <= sizes[0] else None


def _write(sink: Any, table: Any, codec: str | None) -> None:
    import pyarrow as pa

    options = pa.ipc.IpcWriteOptions(compression=codec)
    with pa.ipc.new_file(sink, table.schema, options=options) as writer:
        writer.write_table(table, max_chunksize=BATCH_ROWS)
