"""The digests of what is being saved, made once.

marimo signs the SHA-256 of each value after it has put it. The store has it by then,
since the value is named by it. Of what marimo knows nothing of, it is signed as well.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from marimo_cellar.session.entry_stores import EntryWriter

_saving = threading.local()


@contextmanager
def handing_over(writer: EntryWriter) -> Iterator[None]:
    """Has `digest_of` answer on this thread for what is put by a writer."""
    _saving.writer = writer
    try:
        yield
    finally:
        del _saving.writer


def digest_of(data: Any) -> str | None:
    """The digest, in hex, of what this thread has put last; None of anything else."""
    writer: EntryWriter | None = getattr(_saving, "writer", None)
    return writer.take_digest(data) if writer is not None else None


def digests() -> Mapping[str, str]:
    """The digests, in hex, of all that this thread has put of an entry, by key."""
    writer: EntryWriter | None = getattr(_saving, "writer", None)
    if writer is None:
        return {}
    return {key: digest.hex() for key, digest in writer.digests.items()}
