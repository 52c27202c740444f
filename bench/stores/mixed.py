"""Many at once, three quarters reads: 8 threads of a process, and 4 processes."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter

from .checks import with_fast
from .payloads import SIZES, payload
from .rounds import Case, Turn, in_child
from .subjects import ALL, Subject, subject_in, subjects_in

_SIZES = ("1kB", "100kB", "1MB")
_KEPT = {"1kB": 400, "100kB": 100, "1MB": 24}
# Of each thread, and of each process.
_OPERATIONS = {"1kB": 100, "100kB": 40, "1MB": 10}
_THREADS = 8
_PROCESSES = 4


def cases(quick: bool) -> list[Case]:
    return [
        Case(
            (f"{name}/{size}",),
            with_fast(ALL, SIZES[size]),
            partial(begin, size=size),
            unit="1/s",
        )
        for name, begin in _WAYS.items()
        for size in (_SIZES[:1] if quick else _SIZES)
    ]


def _threads(folder: Path, size: str) -> Turn:
    _fill(folder, size)
    subjects = subjects_in(folder, with_fast(ALL, SIZES[size]))

    def turn(name: str, round: int) -> tuple[float]:
        barrier = threading.Barrier(_THREADS + 1)
        failed: list[BaseException] = []

        def run(worker: int) -> None:
            work = _work(subjects[name], size, (round + 1) * _THREADS + worker)
            barrier.wait()
            try:
                work()
            except BaseException as error:
                failed.append(error)

        threads = [
            threading.Thread(target=run, args=(worker,)) for worker in range(_THREADS)
        ]
        for thread in threads:
            thread.start()
        os.sync()
        barrier.wait()
        begun = perf_counter()
        for thread in threads:
            thread.join()
        spent = perf_counter() - begun
        if failed:
            raise failed[0]
        return (_THREADS * _OPERATIONS[size] / spent,)

    return turn


def _processes(folder: Path, size: str) -> Turn:
    # In a process that ends: what it has open must not be there when others fork.
    in_child(lambda: _fill(folder, size))

    def turn(name: str, round: int) -> tuple[float]:
        workers = [
            _Worker(folder, name, size, (round + 1) * _PROCESSES + number)
            for number in range(_PROCESSES)
        ]
        for worker in workers:
            worker.wait_ready()
        os.sync()
        begun = perf_counter()
        for worker in workers:
            worker.go()
        for worker in workers:
            worker.wait_done()
        spent = perf_counter() - begun
        return (_PROCESSES * _OPERATIONS[size] / spent,)

    return turn


_WAYS: dict[str, Callable[..., Turn]] = {"threads8": _threads, "procs4": _processes}


class _Worker:
    """A forked process that says when it is ready, waits for a word, and works."""

    def __init__(self, folder: Path, name: str, size: str, seed: int) -> None:
        theirs, self._answers = os.pipe(), os.pipe()
        self._process = os.fork()
        if self._process == 0:
            status = 1
            try:
                subject = subject_in(folder, name)
                # A process that has used the cache already, as a kernel's has.
                subject.get(0)
                subject.put(-2 - seed, b"first")
                subject.settle()
                work = _work(subject, size, seed)
                os.write(self._answers[1], b"r")
                os.read(theirs[0], 1)
                work()
                status = 0
            finally:
                os._exit(status)
        os.close(theirs[0])
        os.close(self._answers[1])
        self._orders = theirs[1]

    def wait_ready(self) -> None:
        assert os.read(self._answers[0], 1) == b"r", "a worker failed to begin"

    def go(self) -> None:
        os.write(self._orders, b"g")

    def wait_done(self) -> None:
        _, status = os.waitpid(self._process, 0)
        os.close(self._orders)
        os.close(self._answers[0])
        assert status == 0, "a worker failed"


def _fill(folder: Path, size: str) -> None:
    for subject in subjects_in(folder, with_fast(ALL, SIZES[size])).values():
        for number in range(_KEPT[size]):
            subject.put(number, payload(SIZES[size], number))
        subject.close()


def _work(subject: Subject, size: str, seed: int) -> Callable[[], None]:
    """One worker's operations, with all values that it puts made before."""
    chosen = random.Random(seed)
    steps: list[tuple[int, bytes | None]] = []
    for index in range(_OPERATIONS[size]):
        if index % 4 == 3:
            number = _KEPT[size] + seed * _OPERATIONS[size] + index
            steps.append((number, payload(SIZES[size], number)))
        else:
            steps.append((chosen.randrange(_KEPT[size]), None))
    chosen.shuffle(steps)

    def work() -> None:
        for number, value in steps:
            if value is not None:
                subject.put(number, value)
            elif subject.get(number) is None:
                raise AssertionError(f"value {number} was lost")
        subject.settle()

    return work
