"""What a cell prints, and plots by `plt.show()`: marimo shows it as the cell runs, and keeps
none of it.

A cell that comes from the cache shows it again: the score of a fit, its warnings or its
plot are often all that people look at.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import wraps
from itertools import groupby
from operator import itemgetter
from typing import Any

from marimo._runtime.context import get_context, safe_get_context

from marimo_cellar._marimo.looking_up import LookedUp, after_lookup

# In the order of their printing: texts by the name of their stream, `stdout` or `stderr`,
# and images and the like, as marimo has them, by their MIME type.
Printed = list[dict[str, str]]

# Where an entry in memory has it, among what else marimo's `Cache.meta` holds.
CONSOLE = "console"

_STREAMS = ("stdout", "stderr")
_NOTES = "_cellar_printed"
# Characters of a cell that are kept, and those that may wait for being cut to as many: a
# plot takes some hundred thousand.
_MOST = 4 * 1024 * 1024
_WAITING = 2 * _MOST
# As much memory as so many takes a part, however short it is.
_PART = 64
# What a progress bar prints over, again and again.
_OVERPRINTED = re.compile(r"[^\r\n]*\r(?!\n)")
# What marimo logs, and Cellar by it, which is of one run.
_LOGGED = re.compile(r"^\[[CDEIW] \d{6} [\d:]{8} \w+:\d+\] .*\n", re.M)

_unheard: ContextVar[bool] = ContextVar("cellar_unheard", default=False)


class _Notes:
    """What a cell that runs has printed so far."""

    def __init__(self) -> None:
        self._parts: list[tuple[str, str]] = []
        self._length = 0

    def add(self, kind: str, text: str) -> None:
        self._parts.append((kind, text))
        self._length += _cost(text)
        if self._length > _WAITING:
            self._parts = self._cut()
            self._length = sum(_cost(text) for _, text in self._parts)

    def all(self) -> Printed:
        return [{kind: text} for kind, text in self._cut()]

    def _cut(self) -> list[tuple[str, str]]:
        """Texts of one stream joined, and the last of all, if it is too much."""
        left, kept = _MOST, []
        for kind, text in reversed(list(_joined(self._parts))):
            if kind in _STREAMS:
                text = _OVERPRINTED.sub("", _LOGGED.sub("", text))[-left:]
            elif _cost(text) > left:
                break
            if text:
                kept.append((kind, text))
                left -= _cost(text)
            if left <= 0:
                break
        return kept[::-1]


def _cost(text: str) -> int:
    return max(len(text), _PART)


def _joined(parts: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    for kind, same in groupby(parts, key=itemgetter(0)):
        if kind in _STREAMS:
            yield kind, "".join(text for _, text in same)
        else:
            yield from same


def note_printed() -> None:
    """Has what a cell prints noted as it runs, for `printed`, and shown where it is served
    from an entry that has it (`CONSOLE`)."""
    from marimo._messaging.cell_output import CellChannel
    from marimo._messaging.notification_utils import CellNotificationUtils
    from marimo._messaging.streams import ThreadSafeStderr, ThreadSafeStdout

    def served(one: LookedUp, _: Any) -> None:
        _show(one.noted(CONSOLE) or ())

    def runs(one: LookedUp) -> None:
        # By the cell: one that embeds a notebook runs while those of that do.
        notes = vars(_holder(get_context())).setdefault(_NOTES, {})
        notes[one.cell.cell_id] = _Notes()

    after_lookup(served, runs)

    streams: dict[str, Any] = {"stdout": ThreadSafeStdout, "stderr": ThreadSafeStderr}
    for name, stream in streams.items():
        stream._write_with_mimetype = _noting(name, stream._write_with_mimetype)

    notifying: Any = CellNotificationUtils
    broadcast: Callable[..., None] = notifying.broadcast_console_output

    @wraps(broadcast)
    def broadcast_and_note(
        channel: Any, mimetype: str, data: str, *rest: Any, **named: Any
    ) -> None:
        broadcast(channel, mimetype, data, *rest, **named)
        if channel == CellChannel.MEDIA:
            with suppress(Exception):
                _note(get_context().stream, mimetype, data)

    notifying.broadcast_console_output = staticmethod(broadcast_and_note)


@contextmanager
def unheard() -> Iterator[None]:
    """What this thread prints meanwhile is shown nowhere, as no cell has asked for it: such
    as a warning of a library's that a value is saved as a pickle. Where no cell runs, marimo
    fails to write it, and so the value would not be saved."""
    token = _unheard.set(True)
    try:
        yield
    finally:
        _unheard.reset(token)


def _noting(name: str, write: Callable[..., int]) -> Callable[..., int]:
    def write_and_note(stream: Any, data: str, mimetype: str) -> int:
        if _unheard.get():
            return len(data)
        written = write(stream, data, mimetype)
        # Not an error, which has a look of its own.
        if mimetype == "text/plain":
            _note(stream._stream, name, data)
        return written

    return write_and_note


def _note(stream: Any, kind: str, text: str) -> None:
    running = [(stream, stream.cell_id)]
    # What a cell of an embedded notebook prints, the one that embeds it prints as well, and
    # either may be served without the other.
    context = safe_get_context()
    while context is not None and context.parent is not None:
        running.append((context, context.cell_id))
        context = context.parent
    for holder, cell_id in running:
        notes = vars(holder).get(_NOTES, {}).get(cell_id)
        # A cell that runs without a lookup has none.
        if notes is not None:
            notes.add(kind, text)


def _holder(context: Any) -> Any:
    """What has the notes of a context's cells: threads know no more than its stream. An
    embedded notebook has the stream of the one around it, and may have its cells' ids."""
    return context.stream if context.parent is None else context


def _show(printed: Iterable[Mapping[str, str]]) -> None:
    from marimo._messaging.cell_output import CellChannel
    from marimo._messaging.notification_utils import CellNotificationUtils

    show: Any = CellNotificationUtils.broadcast_console_output
    for part in printed:
        for kind, text in part.items():
            if kind in _STREAMS:
                getattr(sys, kind).write(text)
            else:
                # marimo sends texts a little later, and an image at once.
                sys.stdout.flush()
                show(CellChannel.MEDIA, kind, text, cell_id=None, status=None)


def printed() -> Printed:
    """What the cell that runs has printed since its lookup; once."""
    context = get_context()
    running = context.execution_context
    notes: dict[Any, _Notes] = vars(_holder(context)).get(_NOTES, {})
    ended = None if running is None else notes.pop(running.cell_id, None)
    return [] if ended is None else ended.all()
