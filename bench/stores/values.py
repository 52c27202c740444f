"""One value by its key: put, get again, get once in a process, get from the disk."""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from time import perf_counter

from . import pagecache
from .checks import with_fast
from .payloads import SIZES, payload
from .rounds import BASE, Case, Turn
from .subjects import ALL, OURS, Subject, subjects_in

_QUICK = ("1kB", "100kB", "1MB")
# How many values a turn puts or gets, and how many there are to get.
_OPERATIONS = {"100B": 200, "1kB": 200, "10kB": 200, "100kB": 60, "1MB": 12}
_KEPT = {"100B": 500, "1kB": 500, "10kB": 500, "100kB": 120, "1MB": 24, "10MB": 4}
# What is read from the disk in one turn: a run of values in the order of their saving,
# which is the order of a notebook that runs again.
_RUN = {"100B": 100, "1kB": 100, "10kB": 100, "100kB": 40, "1MB": 12, "10MB": 4}


def cases(quick: bool) -> list[Case]:
    return [
        _case(name, begin, size, quick)
        for size in (_QUICK if quick else SIZES)
        for name, begin in _WORK.items()
        if name not in _SIZES or size in _SIZES[name]
    ]


def _case(name: str, begin: Callable[..., Turn], size: str, quick: bool) -> Case:
    small = SIZES[size] <= 100_000
    kept = _RUN.get(size, 1) if quick else _KEPT.get(size, 1)
    return Case(
        (f"{name}/{size}",),
        OURS if name == "sha256" else _subjects(size),
        partial(begin, size=size, kept=kept),
        rounds=15 if small and name != "get-cold" else 7,
        warm_up=SIZES[size] <= 10_000_000,
    )


def _subjects(size: str) -> tuple[str, ...]:
    # A gigabyte costs the others minutes and says nothing that 100 MB do not say.
    return with_fast(OURS if size == "1GB" else ALL, SIZES[size])


def _putting(folder: Path, size: str, kept: int) -> Turn:
    del kept
    subjects = subjects_in(folder, _subjects(size))
    count, length = _OPERATIONS.get(size, 1), SIZES[size]
    for subject in subjects.values():
        subject.empty()

    def turn(name: str, round: int) -> tuple[float]:
        subject = subjects[name]
        numbers = range((round + 1) * count, (round + 2) * count)
        values = [payload(length, number) for number in numbers]
        if length >= 1_000_000:
            # What one has written must not be flushed in the next one's turn.
            os.sync()
        begun = perf_counter()
        for number, value in zip(numbers, values, strict=True):
            subject.put(number, value)
        subject.settle()
        spent = (perf_counter() - begun) / count
        _expect(subject, numbers[-1], length)
        if length >= 10_000_000:
            subject.empty()
        return (spent,)

    return turn


def _hashing(folder: Path, size: str, kept: int) -> Turn:
    """What no store takes less than that names a value by its digest: that alone."""
    put = _putting(folder, size, kept)
    value = payload(SIZES[size], 0)

    def turn(name: str, round: int) -> Sequence[float]:
        if name == BASE:
            return put(name, round)
        begun = perf_counter()
        for _ in range(_OPERATIONS.get(size, 1)):
            hashlib.sha256(value).digest()
        return ((perf_counter() - begun) / _OPERATIONS.get(size, 1),)

    return turn


def _getting(folder: Path, size: str, kept: int) -> Turn:
    count, length = _OPERATIONS.get(size, 2), SIZES[size]
    subjects = _filled(folder, size, kept)

    def turn(name: str, round: int) -> tuple[float]:
        subject = subjects[name]
        numbers = random.Random(round).choices(range(kept), k=count)
        return (_spent_getting(subject, numbers, length),)

    return turn


def _getting_first(folder: Path, size: str, kept: int) -> Turn:
    count, length = min(_RUN.get(size, 1), kept), SIZES[size]
    subjects = _filled(folder, size, kept)

    def turn(name: str, round: int) -> tuple[float]:
        subject = subjects[name]
        numbers = random.Random(round).sample(range(kept), k=count)
        subject.reopen()
        subject.get(-2)
        return (_spent_getting(subject, numbers, length),)

    return turn


def _getting_cold(folder: Path, size: str, kept: int) -> Turn:
    count, length = _RUN.get(size, 1), SIZES[size]
    subjects = _filled(folder, size, kept)

    def turn(name: str, round: int) -> tuple[float]:
        subject = subjects[name]
        first = random.Random(round).randrange(kept - count + 1)
        # Opened before, as a kernel has it by its second cell.
        subject.reopen()
        subject.get(-2)
        pagecache.drop(subject.folder)
        return (_spent_getting(subject, range(first, first + count), length),)

    return turn


def _spent_getting(subject: Subject, numbers: Sequence[int], length: int) -> float:
    """Seconds a value, of values that are there."""
    begun = perf_counter()
    for number in numbers:
        subject.get(number)
    spent = (perf_counter() - begun) / len(numbers)
    _expect(subject, numbers[-1], length)
    return spent


_WORK: dict[str, Callable[..., Turn]] = {
    "put": _putting,
    "sha256": _hashing,
    "get-hot": _getting,
    "get-first": _getting_first,
    "get-cold": _getting_cold,
}


# What is not measured of every size. Of very large values nothing is kept in memory, so
# each get is a first one.
_SIZES = {
    "sha256": ("1MB", "10MB", "100MB"),
    "get-first": ("100B", "1kB", "10kB", "100kB", "1MB"),
}


def _filled(folder: Path, size: str, kept: int) -> dict[str, Subject]:
    subjects = subjects_in(folder, _subjects(size))
    for subject in subjects.values():
        for number in range(kept):
            subject.put(number, payload(SIZES[size], number))
        subject.reopen()
    return subjects


def _expect(subject: Subject, number: int, length: int) -> None:
    """Fails the benchmark where a value is not what was put: speed is no excuse."""
    found = subject.get(number)
    if found is None or bytes(found) != payload(length, number):
        raise AssertionError(f"{type(subject).__name__} lost value {number}")
