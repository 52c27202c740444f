"""A frame of eight-byte columns as an Arrow file: `python -m stores.frame FILE …`."""

from __future__ import annotations

import argparse
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m stores.frame")
    parser.add_argument("file", type=Path)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--columns", type=int, default=25)
    parser.add_argument("--batch", type=int, help="rows of a batch; one if absent")
    parser.add_argument("--lz4", action="store_true", help="as marimo compresses")
    given = parser.parse_args()
    import numpy
    import pyarrow

    batch = given.batch or given.rows
    names = [f"column_{index:02}" for index in range(given.columns)]
    schema = pyarrow.schema([(name, pyarrow.float64()) for name in names])
    noise = numpy.random.default_rng(0).random(batch)
    options = pyarrow.ipc.IpcWriteOptions(compression="lz4" if given.lz4 else None)
    with pyarrow.ipc.new_file(str(given.file), schema, options=options) as writer:
        for first in range(0, given.rows, batch):
            rows = min(batch, given.rows - first)
            column = pyarrow.array(noise[:rows] + first)
            writer.write_batch(
                pyarrow.record_batch([column] * given.columns, schema=schema)
            )


if __name__ == "__main__":
    main()
