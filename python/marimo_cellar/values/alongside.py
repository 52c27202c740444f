"""Work alongside the caller's, for as long as somebody waits for it.

Hashing, checking and system calls let other threads run. A thread is begun for each
piece of work and ends with it: an idle one would be in the way of a fork. It is
begun as `threading.Thread` does, but without waiting until it runs, which takes a
machine that has other things to do longer than to hash a megabyte.
"""

from __future__ import annotations

import _thread
import os
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")
V = TypeVar("V")

# More would be in the way of what the user computes.
_MOST = 4


def processors() -> int:
    """How many pieces of work are worth doing at once."""
    try:
        there = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS, Windows
        there = os.cpu_count() or 1
    return min(there, _MOST)


def alongside(work: Callable[[], T]) -> Callable[[], T]:
    """Begins a piece of work on a thread; its result, waited for, by a call.

    The call raises what the work raised. It may be made again.
    """
    results: list[T] = []
    errors: list[BaseException] = []
    ended = _thread.allocate_lock()
    ended.acquire()

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:
            errors.append(error)
        finally:
            ended.release()

    try:
        _thread.start_new_thread(run, ())
    except RuntimeError:
        # The interpreter is ending and starts no more threads.
        run()

    def result() -> T:
        with ended:
            if errors:
                raise errors[0]
            return results[0]

    return result


def later(seconds: float, act: Callable[[], object]) -> Callable[[], None]:
    """Calls `act` on a thread in so many seconds, unless the result is called before.

    Which is called once at most. The interpreter does not wait for the thread.
    """
    waits = _thread.allocate_lock()
    waits.acquire()

    def run() -> None:
        if not waits.acquire(timeout=seconds):
            act()

    with suppress(RuntimeError):  # The interpreter is ending.
        _thread.start_new_thread(run, ())
    return waits.release


def each(
    work: Callable[[V], T],
    values: Sequence[V],
    mine: Callable[[], Callable[[V], T]] | None = None,
) -> list[T]:
    """What `work` makes of each value, on a few threads of which the caller is one.

    The caller first does `mine`, if it is given, while the others work, and then what
    that returns in the place of `work`. Raises the first error, after all of them have
    ended.
    """
    left = deque(enumerate(values))
    results: dict[int, T] = {}

    def take(work: Callable[[V], T]) -> None:
        while True:
            try:
                index, value = left.popleft()
            except IndexError:
                return
            results[index] = work(value)

    most = len(values) if mine else len(values) - 1
    helpers = [
        alongside(lambda: take(work)) for _ in range(min(processors() - 1, most))
    ]
    try:
        take(mine() if mine else work)
    finally:
        for helper in helpers:
            helper()
    return [results[index] for index in range(len(values))]
