"""The short form of each suite; `npm run soak` is the long one.

They do not depend on marimo's version, so all but the kernels run with one of them.
"""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

import pytest

from marimo_cellar.checking import checking
from marimo_cellar.database.database import database_in
from tests.conftest import Write
from tests.resilience import (
    crowd,
    differing,
    failing,
    hostile,
    killed_kernels,
    killing,
    powercut,
    work,
)
from tests.resilience.disk import CannotFail
from tests.resilience.ledger import Ledger

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
no_version = pytest.mark.skipif(
    os.environ.get("CELLAR_TEST_RESILIENCE") == "kernels",
    reason="it does not depend on marimo's version, and runs with another one",
)


def seed() -> int:
    return hostile.seed()


@forks
@no_version
def test_killed_workers_lose_nothing(tmp_path: Path) -> None:
    figures = killing.kill(tmp_path, 80, seed())
    assert figures.problems == [], figures
    assert figures.acknowledged and figures.kept


@forks
@no_version
def test_killed_migrations_lose_nothing(tmp_path: Path) -> None:
    figures = killing.kill_migrations(tmp_path, 8, seed())
    assert figures.problems == [], figures
    assert figures.kept


@forks
@no_version
def test_full_disks_and_failing_reads_lose_nothing(tmp_path: Path) -> None:
    try:
        figures = failing.run(5, seed())
    except CannotFail as reason:
        pytest.skip(str(reason))
    assert figures.problems == [], figures
    assert figures.acknowledged and figures.kept


@no_version
def test_after_a_power_cut_what_is_served_is_right(tmp_path: Path) -> None:
    try:
        figures = powercut.cut_power(tmp_path, 20, seed())
    except CannotFail as reason:
        pytest.skip(str(reason))
    assert figures.problems == [], figures
    assert figures.kept


@no_version
def test_a_crowd_meets_no_lock_and_no_wrong_value(tmp_path: Path) -> None:
    figures = crowd.crowd(tmp_path, 8, 2, seed())
    assert figures.warnings == [] and figures.wrong == [], figures
    assert figures.largest_log < 64 * 2**20, figures
    assert figures.writes
    assert checking.audit(database_in(tmp_path / "cache")) == []


@no_version
@pytest.mark.parametrize("decoder", hostile.DECODERS)
def test_nothing_made_up_is_believed(decoder: str, tmp_path: Path) -> None:
    hostile.run(decoder, 10_000, seed(), tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="kills go to a process group")
def test_killed_kernels_lose_nothing(
    tmp_path: Path, write: Write, env: dict[str, str]
) -> None:
    figures = killed_kernels.kill(tmp_path, write, env, 2, seed())
    assert figures.problems == [], figures


@forks
def test_a_made_up_notebook_sees_what_it_sees_without_a_cache(
    tmp_path: Path, shipped: Path
) -> None:
    figures = differing.compare(tmp_path, shipped, 1, 3, seed=2)
    assert figures.problems == [], figures
    assert figures.seen and figures.ran["files"] >= figures.ran["cellar"] > 0


# The suites can fail


def test_a_ledger_notices_what_is_lost_and_what_comes_back() -> None:
    ledger = Ledger()
    for line in ("saving k 1", "saved k 1", "saving k 2"):
        ledger.note(line)
    assert [ledger.fault("k", found) is None for found in (1, 2, None, 3)] == [
        *(True, True, False, False)
    ]
    for line in ("saved k 2", "clearing k 0", "cleared k 0"):
        ledger.note(line)
    assert [ledger.fault("k", found) is None for found in (None, 2)] == [True, False]


def test_a_value_tells_whether_it_is_right() -> None:
    good = work.value("k", 7)
    assert work.version_of("k", good) == 7
    for wrong in (good[:-1], good[:50] + b"\0" + good[51:], work.value("l", 7)):
        with pytest.raises(work.Wrong):
            work.version_of("k", wrong)


def test_a_power_cut_loses_what_was_not_made_to_last() -> None:
    events = [
        powercut.Event("W", "/a", b"old", 0),
        powercut.Event("S", "/a", b"", 0),
        powercut.Event("W", "/a", b"new", 0),
        powercut.Event("W", "/b", b"b", 0),
        powercut.Event("R", "/b", b"/c", 0),
    ]
    disks = [powercut.disk(events, random.Random(number)) for number in range(200)]
    assert {disk["/a"] for disk in disks} == {b"old", b"new"}
    assert {tuple(sorted(disk)) for disk in disks} == {
        *(("/a",), ("/a", "/b"), ("/a", "/c"))
    }
    assert {disk.get("/c") for disk in disks} == {b"b", b"", None}
