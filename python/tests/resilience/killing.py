"""Processes killed at any moment, and what the next ones find.

`python -m tests.resilience.killing --kills 1000` prints the figures as JSON.

A worker tells, through a pipe, what it is about to do and what is done: a save that
was acknowledged must be there afterwards, one that was only begun may be there, and
nothing else may. Workers are forks of one warm process, so that a thousand are soon
killed, two of them always at work on the same cache.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from marimo_cellar.checking import checking, sweeping
from marimo_cellar.database import migrating, schema
from marimo_cellar.database.database import database_in
from tests.resilience.forks import Slot, asked
from tests.resilience.later import be_later
from tests.resilience.ledger import Ledger
from tests.resilience.looking import look
from tests.resilience.work import Tell, Worker

_AT_ONCE = 2
# Seconds for which a worker lives, at most.
_LIFE = 0.08
# Kills between two looks at all that there is.
LOOK_EVERY = 50


@dataclass
class Figures:
    """`acknowledged` counts what was told as done, `kept` what of it was looked for
    and found, again and again; `cut_off` what each kill interrupted; `swept` the
    files that were left in the end, and gone with the first clean-up an hour later.
    """

    kills: int
    seed: int
    acknowledged: int = 0
    kept: int = 0
    cut_off: dict[str, int] = field(default_factory=dict)
    partial_files: int = 0
    swept: int = 0
    problems: list[str] = field(default_factory=list)


def kill(folder: Path, kills: int, seed: int) -> Figures:
    """Kills so many workers on a cache in a folder."""
    chance = random.Random(seed)
    figures = Figures(kills, seed)
    ledger = Ledger()
    slots = [Slot(f"k{number}", ledger) for number in range(_AT_ONCE)]
    names = [slot.name for slot in slots]
    # So that the forks need not do it again.
    schema.expected_objects()

    def begin(slot: Slot) -> None:
        number = chance.randrange(2**32)
        slot.begin(lambda tell: _work(folder, slot.name, names, number, tell))

    for slot in slots:
        begin(slot)
    for number in range(1, kills + 1):
        time.sleep(chance.uniform(0, _LIFE) / _AT_ONCE)
        slot = chance.choice(slots)
        was_at = slot.kill()
        figures.cut_off[was_at] = figures.cut_off.get(was_at, 0) + 1
        if number % LOOK_EVERY == 0 or number == kills:
            # The others too, since what they are at changes what may be there.
            for other in slots:
                if other is not slot:
                    other.kill()
            found = look(folder, ledger)
            figures.problems += found.problems
            figures.kept += found.kept
            figures.partial_files = max(figures.partial_files, found.partial_files)
            for other in slots:
                if other is not slot:
                    begin(other)
        begin(slot)
    for slot in slots:
        slot.kill()
    figures.acknowledged = ledger.acknowledged
    figures.swept, left = _swept(folder)
    figures.problems += left
    return figures


# Seconds for which one that migrates lives, at most.
_MIGRATION = 0.3


def kill_migrations(folder: Path, kills: int, seed: int) -> Figures:
    """Kills so many processes that bring a cache up to a later format."""
    chance = random.Random(seed)
    figures = Figures(kills, seed)
    cache = folder / "cache"
    ledger = Ledger()
    slot = Slot("old", ledger)

    def fill(tell: Tell) -> None:
        worker = Worker(folder, "old", ["old"], seed, tell)
        for _ in range(60):
            worker.save_parts()
            worker.save()
        worker.store.database.close()

    slot.begin(fill)
    slot.end()
    figures.acknowledged = ledger.acknowledged
    older = folder / "older"
    shutil.copytree(cache, older)
    for _ in range(kills):
        shutil.rmtree(cache)
        shutil.copytree(older, cache)
        child = Slot("later", Ledger())
        child.begin(lambda tell: _migrate(cache, tell))
        time.sleep(chance.uniform(0, _MIGRATION))
        at = child.kill()
        if at == "migrating" and migrating.copies(cache / "cache.db"):
            at = "migrating with a copy"
        figures.cut_off[at] = figures.cut_off.get(at, 0) + 1
        # Whoever comes next finds the one format or the other, and all that was there.
        for later in (False, True):
            if later or asked(lambda answer: answer(_version(cache))) == schema.VERSION:
                found = look(folder, ledger, later=later)
                figures.problems += found.problems
                figures.kept += found.kept
    figures.swept, left = _swept(folder, later=True)
    figures.problems += left
    return figures


def _migrate(cache: Path, tell: Tell) -> None:
    be_later()
    tell("at", "migrating", 0)
    with database_in(cache).reading():
        tell("at", "migrated", 0)
    while True:
        time.sleep(1)


def _version(cache: Path) -> int:
    with closing(sqlite3.connect(cache / "cache.db")) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def _swept(folder: Path, later: bool = False) -> tuple[int, list[str]]:
    """How many files a clean-up removes an hour from now, and what is wrong then."""

    def ask(answer: Callable[[Any], None]) -> None:
        if later:
            be_later()
        database = database_in(folder / "cache")
        now = time.time() + 2 * checking.GRACE
        swept = sweeping.sweep(database, now)
        problems = [str(one) for one in checking.audit(database, now=now)]
        left = [f"{one} is left" for one in migrating.copies(database.path)]
        answer((swept, problems + left))

    found: tuple[int, list[str]] = asked(ask)
    return found


def _work(
    folder: Path,
    name: str,
    names: list[str],
    seed: int,
    tell: Tell,
) -> None:
    sys.stderr = io.StringIO()
    worker = Worker(folder, name, names, seed, tell)
    while True:
        worker.step()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--migrations", action="store_true")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp())
    how = kill_migrations if given.migrations else kill
    print(json.dumps(asdict(how(folder, given.kills, given.seed)), indent=1))
