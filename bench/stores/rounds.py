"""Interleaved rounds: every subject once a round, in an order that rotates.

What else the machine does meanwhile then meets all subjects alike. Each case runs
in a process of its own, so that no case finds what another has warmed or leaked.
"""

from __future__ import annotations

import gc
import os
import pickle
import shutil
import signal
import statistics
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from .checks import equip

T = TypeVar("T")

# What every ratio is against: marimo's own store.
BASE = "files"

# One subject's turn in a round, counted from 0 (-1 is the warm-up): a figure for each
# id of the case.
Turn = Callable[[str, int], Sequence[float]]


@dataclass(frozen=True)
class Case:
    """Measured together: the `ids`, and who takes part.

    `begin` makes what is needed in an empty folder and returns what takes a turn.
    `unit` is `s` for seconds, where less is better, `B` for bytes, or `1/s` for
    operations in a second, where more is.
    """

    ids: tuple[str, ...]
    subjects: tuple[str, ...]
    begin: Callable[[Path], Turn]
    unit: str = "s"
    rounds: int = 7
    warm_up: bool = True


@dataclass(frozen=True)
class Result:
    """`ratio` is the median of the rounds' ratios; `low` and `high` its quartiles.

    `median` and `base` are in the case's unit: the subject's, and the file store's.
    """

    id: str
    subject: str
    ratio: float
    rounds: int
    low: float
    high: float
    median: float
    base: float
    unit: str


def results_of(case: Case, rounds: int | None) -> list[Result]:
    """Runs a case. `rounds` replaces its own number, and then nothing warms up."""
    return in_child(lambda: _results_of(case, rounds))


def _results_of(case: Case, rounds: int | None) -> list[Result]:
    figures: dict[str, list[Sequence[float]]] = {one: [] for one in case.subjects}
    with _folder() as folder:
        turn = case.begin(folder)
        first = -1 if case.warm_up and rounds is None else 0
        for number in range(first, rounds or case.rounds):
            for subject in _rotated(case.subjects, number):
                equip(subject)
                gc.collect()
                measured = turn(subject, number)
                if number >= 0:
                    figures[subject].append(measured)
    return [
        _result(id, subject, case.unit, of_subject, of_base)
        for index, id in enumerate(case.ids)
        for subject in case.subjects
        if subject != BASE
        for of_subject in [[values[index] for values in figures[subject]]]
        for of_base in [[values[index] for values in figures[BASE]]]
    ]


@contextmanager
def _folder() -> Iterator[Path]:
    """One for the caches, removed in the end."""
    folder = Path(tempfile.mkdtemp(prefix="cellar-bench-"))
    try:
        yield folder
    finally:
        # A store's own threads may still tidy up there, and make files anew.
        for _ in range(100):
            shutil.rmtree(folder, ignore_errors=True)
            if not folder.exists():
                break
            time.sleep(0.05)


def _result(
    id: str, subject: str, unit: str, values: list[float], base: list[float]
) -> Result:
    ratios = [one / other for one, other in zip(values, base, strict=True)]
    low, _, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
    return Result(
        id,
        subject,
        statistics.median(ratios),
        len(ratios),
        low,
        high,
        statistics.median(values),
        statistics.median(base),
        unit,
    )


def _rotated(subjects: tuple[str, ...], number: int) -> tuple[str, ...]:
    by = number % len(subjects)
    return subjects[by:] + subjects[:by]


def in_child(work: Callable[[], T]) -> T:
    """What `work` returns in a forked process of this group.

    Raises RuntimeError with its traceback where it failed.
    """
    with _forked(work) as (process, reading):
        with os.fdopen(reading, "rb") as pipe:
            answer = pipe.read()
        os.waitpid(process, 0)
    if not answer:
        raise RuntimeError("a measuring process died")
    succeeded, value = pickle.loads(answer)
    if not succeeded:
        raise RuntimeError(value)
    result: T = value
    return result


@contextmanager
def _forked(work: Callable[[], object]) -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    process = os.fork()
    if process == 0:
        os.close(reading)
        try:
            answer: tuple[bool, object] = True, work()
        except BaseException:
            answer = False, traceback.format_exc()
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(pickle.dumps(answer))
        sys.stderr.flush()
        os._exit(0)
    os.close(writing)
    try:
        yield process, reading
    except BaseException:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        raise
