"""Writing behind: entries wait a moment, and are committed together.

A transaction costs as much as a dozen entries in it. So what is saved is queued, and
a thread commits all there is a tenth of a second later, or at once where somebody
waits for it or it took long to compute; who has to know that it is committed calls
`settle`. Until then this process reads what waits from its queue. Killed in that
moment it loses cheap results, as if they were still being computed.
"""

from __future__ import annotations

import atexit
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

from marimo_cellar.database import checkpoints
from marimo_cellar.database.database import Database
from marimo_cellar.entries.saving import Save, save_all
from marimo_cellar.forks import Lock, in_child

if TYPE_CHECKING:
    from marimo_cellar.entries.entries import Item

# Seconds for which the thread lets more come, so that cells of a few milliseconds
# share a transaction; and what may wait for that, in seconds that it took to compute,
# so that a kernel that the next cell crashes loses nothing that anybody would miss.
_GATHERING_SECONDS = 0.1
_MISSED_SECONDS = 1.0
# Seconds for which it waits for the next ones before it ends: to begin one takes
# whoever saves milliseconds on a machine that has much to do. So often it looks
# whether the process ends, which waits for it.
_IDLE_SECONDS = 0.25
_LOOK_SECONDS = 0.01
# Entries of one transaction, which takes some milliseconds with so many.
_TOGETHER = 256
# Bytes that may wait in memory: who brings more waits. As many may be on their way.
_BYTES = 4 * 2**20


class Queue:
    """What waits to be committed to one database. Get it by `queue_of`.

    `trusted` says that all of the last commit succeeded, as the next one is then
    likely to do; `failures` counts the entries that could not be saved.
    """

    def __init__(self, database: Database) -> None:
        self.trusted = False
        self.failures = 0
        self._database = database
        self._lock = threading.RLock()
        # Told to the thread, which is not woken for each entry, and by it.
        self._came = threading.Condition(self._lock)
        self._went = threading.Condition(self._lock)
        self._waiting: list[Save] = []
        # Bytes in memory, and the seconds that all of it would take to have again;
        # entries that ever came, and those that were dealt with.
        self._bytes = 0
        self._worth = 0.0
        self._added = 0
        self._ended = 0
        # Whether there is a thread that commits, and how many wait for it; and the last
        # one that folded the log.
        self._working = False
        self._folding: threading.Thread | None = None
        self._hurried = 0
        # What waits or is being committed: its items by key, its entries by hash.
        self._items: dict[str, Item] = {}
        self._hashes: Counter[str] = Counter()

    def add(self, save: Save, here: bool = False) -> None:
        """Commits an entry soon; `save.end` is called in the end, whatever happens.

        By the calling thread, if that has nothing else to do `here` and no other does.
        """
        with self._lock:
            self._waiting.append(save)
            self._bytes += save.size
            self._worth += save.worth
            self._added += 1
            self._hashes[save.key.hash] += 1
            for item in save.items:
                self._items[item.key] = item
            full = self._bytes > _BYTES
            here = here and not self._working
            if here:
                self._working = True
            elif self._is_urgent() or len(self._waiting) == 1:
                self._begin_work()
        if here:
            self._work(idle=0.0)
        elif full:
            self.settle()

    def settle(self) -> None:
        """Waits until all is committed that was added before, or could not be."""
        with self._lock:
            goal = self._added
            if self._ended < goal:
                with self.hurrying():
                    self._begin_work()
                    self._went.wait_for(lambda: self._ended >= goal)

    def join(self) -> None:
        """As `settle`, and waits until the log is folded, if a thread does that."""
        self.settle()
        if self._folding is not None:
            self._folding.join()

    @contextmanager
    def hurrying(self) -> Iterator[None]:
        """Has what comes committed at once, while somebody waits for it."""
        with self._lock:
            self._hurried += 1
            self._came.notify()
        try:
            yield
        finally:
            with self._lock:
                self._hurried -= 1

    def item(self, key: str) -> Item | None:
        """What was saved last of a key and is not committed yet."""
        return self._items.get(key)

    def holds(self, hash: str) -> bool:
        """Whether an entry of marimo's hash is not committed yet."""
        return hash in self._hashes

    def _begin_work(self) -> None:
        """Sees to it that a thread commits. Not the caller's own, which the user may
        interrupt: an entry is committed once begun."""
        if self._working:
            self._came.notify()
            return
        try:
            # The process waits for it, also where the kernel is one of its daemons.
            threading.Thread(target=self._work, daemon=False).start()
            self._working = True
        except RuntimeError:
            # The interpreter is ending and starts no more threads.
            while self._waiting:
                self._commit_waiting()

    def _work(self, idle: float = _IDLE_SECONDS) -> None:
        while True:
            with self._lock:
                if not self._wait(lambda: self._waiting, idle):
                    self._working = False
                    return
                self._wait(self._is_urgent, _GATHERING_SECONDS)
            self._commit_waiting()

    def _fold(self) -> None:
        """Has a log that has grown folded by a thread of its own.

        Nobody waits for the disk then: neither who waits for a commit, nor what comes
        next to be committed.
        """

        def fold() -> None:
            with suppress(Exception):
                self._database.fold_log()

        # Only who commits asks, and that is one at a time.
        if self._folding is not None and self._folding.is_alive():
            return
        if self._database.log_size() > checkpoints.WORTH_FOLDING:
            folding = threading.Thread(target=fold, daemon=False)
            # Where the interpreter is ending, closing the database folds it.
            with suppress(RuntimeError):
                folding.start()
                self._folding = folding

    def _wait(self, until: Callable[[], object], seconds: float) -> bool:
        """Waits for something to be so. False after some seconds, and as the process
        ends: it has when the interpreter begins to wait for other threads."""
        end = time.monotonic() + seconds
        while not until():
            left = end - time.monotonic()
            if left <= 0 or not threading.main_thread().is_alive():
                return False
            self._came.wait(min(left, _LOOK_SECONDS))
        return True

    def _is_urgent(self) -> bool:
        return (
            self._hurried > 0
            or not self.trusted
            or self._worth >= _MISSED_SECONDS
            or self._bytes > _BYTES // 2
            or len(self._waiting) >= _TOGETHER
        )

    def _commit_waiting(self) -> None:
        with self._lock:
            batch = self._waiting[:_TOGETHER]
            del self._waiting[:_TOGETHER]
            self._bytes -= sum(save.size for save in batch)
            self._worth = sum(save.worth for save in self._waiting)
        save_all(self._database, batch)
        failures = sum(save.failure is not None for save in batch)
        self.trusted = not failures
        self.failures += failures
        for save in batch:
            if save.end is not None:
                with suppress(Exception):
                    save.end()
        # Before anybody hears that it is committed, who may want to `join` then.
        self._fold()
        with self._lock:
            for save in batch:
                self._hashes[save.key.hash] -= 1
                if not self._hashes[save.key.hash]:
                    del self._hashes[save.key.hash]
                for item in save.items:
                    if self._items.get(item.key) is item:
                        del self._items[item.key]
            self._ended += len(batch)
            self._went.notify_all()


_queues: dict[Database, Queue] = {}
_lock = Lock()


def queue_of(database: Database) -> Queue:
    """The process's one queue for a database."""
    queue = _queues.get(database)
    if queue is None:
        with _lock.native:
            queue = _queues.setdefault(database, Queue(database))
    return queue


def settle(database: Database) -> None:
    """Commits all that waits for a database; returns once it is committed, or the
    user was told why it is not."""
    queue_of(database).settle()


@contextmanager
def hurrying_all() -> Iterator[None]:
    """`Queue.hurrying` for every database of this process."""
    with ExitStack() as stack:
        for queue in list(_queues.values()):
            stack.enter_context(queue.hurrying())
        yield


def settle_all() -> None:
    """`settle` for every database of this process."""
    for queue in list(_queues.values()):
        queue.settle()


atexit.register(settle_all)


def _after_fork() -> None:
    # What the parent's threads have queued is the parent's to write.
    _queues.clear()


in_child(_after_fork)
