"""What a cell prints: marimo shows it as the cell runs, and keeps none of it.

A cell that comes from the cache shows it again: the score of a fit, or its warnings, are
often all that people look at.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from itertools import groupby
from operator import itemgetter
from typing import Any, Literal

# In the order of their printing: of which stream, and what.
Printed = list[dict[Literal["stdout", "stderr"], str]]

# Where an entry in memory has it, among what else marimo's `Cache.meta` holds.
CONSOLE = "console"

_NOTES = "_cellar_printed"
# Characters of a cell that are kept, and those that may wait for being cut to as many.
_MOST = 256 * 1024
_WAITING = 4 * _MOST
# What a progress bar prints over, again and again.
_OVERPRINTED = re.compile(r"[^\r\n]*\r(?!\n)")


class _Notes:
    """What a cell that runs has printed so far."""

    def __init__(self, cell_id: object) -> None:
        self.cell_id = cell_id
        self._parts: list[tuple[str, str]] = []
        self._length = 0

    def add(self, stream: str, text: str) -> None:
        self._parts.append((stream, text))
        self._length += len(text)
        if self._length > _WAITING:
            self._parts = self._cut()
            self._length = sum(len(text) for _, text in self._parts)

    def all(self) -> list[dict[str, str]]:
        return [{stream: text} for stream, text in self._cut()]

    def _cut(self) -> list[tuple[str, str]]:
        """One part after the other of another stream; the last ones, if it is too much."""
        left, kept = _MOST, []
        for stream, parts in reversed(_joined(self._parts)):
            text = _OVERPRINTED.sub("", parts)
            if text:
                kept.append((stream, text[-left:]))
                left -= len(text)
            if left <= 0:
                break
        return kept[::-1]


def _joined(parts: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [
        (stream, "".join(text for _, text in same))
        for stream, same in groupby(parts, key=itemgetter(0))
    ]


def note_printed() -> None:
    """Has what a cell prints noted as it runs, for `printed`, and shown where it is served
    from an entry that has it (`CONSOLE`)."""
    from marimo._messaging.streams import ThreadSafeStderr, ThreadSafeStdout
    from marimo._runtime.context import get_context
    from marimo._runtime.executor.lifecycles.cached import CachedLifecycle

    streams: dict[str, Any] = {"stdout": ThreadSafeStdout, "stderr": ThreadSafeStderr}
    for name, kind in streams.items():
        kind._write_with_mimetype = _noting(name, kind._write_with_mimetype)

    cached: Any = CachedLifecycle
    set_up: Callable[..., Any] = cached.setup

    def set_up_and_note(lifecycle: Any, cell: Any, namespace: dict[str, Any]) -> Any:
        skip = set_up(lifecycle, cell, namespace)
        if skip is None:
            vars(get_context().stream)[_NOTES] = _Notes(cell.cell_id)
        else:
            _show(lifecycle._attempts[cell.cell_id].meta.get(CONSOLE, ()))
        return skip

    cached.setup = set_up_and_note


def _noting(name: str, write: Callable[..., int]) -> Callable[..., int]:
    def write_and_note(stream: Any, data: str, mimetype: str) -> int:
        written = write(stream, data, mimetype)
        notes = vars(stream._stream).get(_NOTES)
        # Not of a cell that runs without a lookup, nor an error with its own look.
        if (
            notes is not None
            and notes.cell_id == stream._stream.cell_id
            and mimetype == "text/plain"
        ):
            notes.add(name, data)
        return written

    return write_and_note


def _show(printed: Iterable[Mapping[str, str]]) -> None:
    # What it was computed for is there, whatever becomes of this.
    with suppress(Exception):
        for part in printed:
            for name, text in part.items():
                getattr(sys, name).write(text)


def printed() -> Printed:
    """What the cell that runs has printed since its lookup."""
    from marimo._runtime.context import get_context

    context = get_context()
    notes = vars(context.stream).get(_NOTES)
    running = context.execution_context
    if notes is None or running is None or notes.cell_id != running.cell_id:
        return []
    found: Printed = notes.all()
    return found
