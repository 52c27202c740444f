"""Workers that are forks of one warm process, so that a thousand are soon killed."""

from __future__ import annotations

import multiprocessing
import os
import select
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Any

from marimo_cellar import notices
from tests.resilience.ledger import Ledger
from tests.resilience.work import Tell, Wrong


class Slot:
    """One worker after the other, which all work on the same keys."""

    def __init__(self, name: str, ledger: Ledger) -> None:
        self.name = name
        self._ledger = ledger
        self.pid = 0
        self._pipe = -1
        self._text = b""

    def begin(self, work: Callable[[Tell], None]) -> None:
        self._pipe, theirs = os.pipe()
        self.pid = _fork(lambda: work(_teller(theirs)))
        os.close(theirs)
        # Life begins with the first word, so that it ends in the middle of work.
        select.select([self._pipe], [], [], 30)

    def kill(self) -> str:
        """Ends it at once; what it was at."""
        os.kill(self.pid, signal.SIGKILL)
        was_at, status = self.end()
        if not os.WIFSIGNALED(status):
            raise Wrong(f"{self.name} ended by itself: see what it printed")
        return was_at

    def end(self) -> tuple[str, int]:
        """Waits for its end; what it was at last, and its status."""
        while some := os.read(self._pipe, 2**20):
            self._text += some
        os.close(self._pipe)
        _, status = os.waitpid(self.pid, 0)
        last = "opening"
        *lines, _ = self._text.decode().split("\n")
        self._text = b""
        for line in lines:
            if line.startswith("at "):
                last = line.split()[1]
            else:
                self._ledger.note(line)
        return last, status


def asked(ask: Callable[[Callable[[Any], None]], None]) -> Any:
    """What a fork answers."""
    ours, theirs = multiprocessing.Pipe(duplex=False)
    pid = _fork(lambda: ask(theirs.send))
    theirs.close()
    try:
        return ours.recv()
    finally:
        os.waitpid(pid, 0)


def _teller(pipe: int) -> Tell:
    def tell(what: str, key: str, version: int) -> None:
        os.write(pipe, f"{what} {key} {version}\n".encode())

    return tell


def _fork(act: Callable[[], None]) -> int:
    """A child that does something and is gone."""
    pid = os.fork()
    if pid:
        return pid
    # What a user would hear of it is none of ours.
    notices.logger.disabled = True
    try:
        act()
        os._exit(0)
    except BaseException:
        traceback.print_exc(file=sys.__stderr__)
        os._exit(1)
