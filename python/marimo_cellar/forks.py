"""What a forked child begins anew, as a cell makes some with `multiprocessing`.

Threads do not come along. A lock that one of them held at that moment would stay held
in the child for good, and what they were to write is the parent's to write.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from typing import Protocol


class OfProcess(Protocol):
    """Something with locks, or other state, that belongs to one process."""

    def begin_process(self) -> None:
        """Makes that state; again in a child, where nobody else has it yet."""


_living: weakref.WeakSet[OfProcess] = weakref.WeakSet()


def in_child(begin: Callable[[], None]) -> None:
    """Has it called in every child, before anything else happens there."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=begin)


def around(before: Callable[[], None], after: Callable[[], None]) -> None:
    """Has these called in every process that forks, before it does and after it did."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=before, after_in_parent=after)


def begins(one: OfProcess) -> None:
    """Begins its process now, and in every child for as long as it lives."""
    one.begin_process()
    _living.add(one)


class Lock:
    """A lock that nobody holds in a child, whoever held it as that was forked.

    It is held by `with lock.native`: what is written in Python for the way in or out,
    an interrupt of the user's may cut off, and then the lock stays held for good.
    """

    native: threading.Lock

    def __init__(self) -> None:
        begins(self)

    def begin_process(self) -> None:
        self.native = threading.Lock()


def _begin_all() -> None:
    for one in list(_living):
        one.begin_process()


in_child(_begin_all)
