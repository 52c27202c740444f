"""Whether a key is kept: one that is, and one that is not."""

from __future__ import annotations

import random
from functools import partial
from pathlib import Path
from time import perf_counter

from .payloads import payload
from .rounds import Case, Turn
from .subjects import ALL, subjects_in

_KEPT = 400
_TESTS = 400


def cases(quick: bool) -> list[Case]:
    return [
        Case(("hit",), ALL, partial(_testing, present=True), rounds=15),
        Case(("miss",), ALL, partial(_testing, present=False), rounds=15),
    ]


def _testing(folder: Path, present: bool) -> Turn:
    subjects = subjects_in(folder, ALL)
    for subject in subjects.values():
        for number in range(_KEPT):
            subject.put(number, payload(1000, number))
        subject.reopen()

    def turn(name: str, round: int) -> tuple[float]:
        subject = subjects[name]
        numbers = random.Random(round).choices(range(_KEPT), k=_TESTS)
        if not present:
            numbers = [number + _KEPT for number in numbers]
        begun = perf_counter()
        answers = {subject.hit(number) for number in numbers}
        spent = (perf_counter() - begun) / _TESTS
        assert answers == {present}, name
        return (spent,)

    return turn
