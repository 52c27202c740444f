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
import multiprocessing
import os
import random
import select
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from marimo_cellar import SqliteStore, checking, migrating, notices, schema, sweeping
from marimo_cellar.database import database_in
from tests.resilience.work import Worker, Wrong, load

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


class Ledger:
    """What may be there of each key, by what the workers told."""

    def __init__(self) -> None:
        self._certain: dict[str, int | None] = {}
        self._begun: dict[str, list[int | None]] = {}
        self.acknowledged = 0

    def note(self, line: str) -> None:
        """A line of a worker: what it does or did, the key, the version."""
        what, key, text = line.split()
        version = int(text) or None
        if what in ("saving", "clearing"):
            self._begun.setdefault(key, []).append(version)
        else:
            self._certain[key] = version
            self._begun.pop(key, None)
            self.acknowledged += 1

    def __iter__(self) -> Iterator[str]:
        """The keys that were ever worked on."""
        yield from sorted(self._certain.keys() | self._begun.keys())

    def fault(self, key: str, found: int | None) -> str | None:
        """What is wrong with what was found, if it is."""
        allowed = [self._certain.get(key), *self._begun.get(key, [])]
        if found in allowed:
            return None
        return f"{key}: version {found} is there, and not one of {allowed}"

    def is_certain(self, key: str) -> bool:
        """Whether it was told to be saved, and nothing was begun since."""
        return self._certain.get(key) is not None and not self._begun.get(key)


class Slot:
    """One worker after the other, which all work on the same keys."""

    def __init__(self, name: str, ledger: Ledger) -> None:
        self.name = name
        self._ledger = ledger
        self.pid = 0
        self._pipe = -1
        self._text = b""

    def begin(self, work: Callable[[Callable[[str, str, int], None]], None]) -> None:
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

# What a later format may do: some of it at length, so that a kill comes in the middle.
_LATER = """
CREATE TABLE later (x);
INSERT INTO later SELECT randomblob(500) FROM items AS a, items AS b LIMIT 4000;
CREATE INDEX later_by_x ON later (x);
"""


def kill_migrations(folder: Path, kills: int, seed: int) -> Figures:
    """Kills so many processes that bring a cache up to a later format."""
    chance = random.Random(seed)
    figures = Figures(kills, seed)
    cache = folder / "cache"
    ledger = Ledger()
    slot = Slot("old", ledger)

    def fill(tell: Callable[[str, str, int], None]) -> None:
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
            if (
                later
                or _asked(lambda answer: answer(_version(cache))) == schema.VERSION
            ):
                found = look(folder, ledger, later=later)
                figures.problems += found.problems
                figures.kept += found.kept
    figures.swept, left = _swept(folder, later=True)
    figures.problems += left
    return figures


def _migrate(cache: Path, tell: Callable[[str, str, int], None]) -> None:
    _be_later()
    tell("at", "migrating", 0)
    with database_in(cache).reading():
        tell("at", "migrated", 0)
    while True:
        time.sleep(1)


def _be_later() -> None:
    """Makes this process one of a package with a later format."""
    scripts = {**schema.migrations(), schema.VERSION + 1: _LATER}
    schema.migrations = lambda: scripts  # type: ignore[assignment]
    schema.VERSION += 1
    schema.objects_of.cache_clear()


def _version(cache: Path) -> int:
    with closing(sqlite3.connect(cache / "cache.db")) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def _swept(folder: Path, later: bool = False) -> tuple[int, list[str]]:
    """How many files a clean-up removes an hour from now, and what is wrong then."""

    def ask(answer: Callable[[Any], None]) -> None:
        if later:
            _be_later()
        database = database_in(folder / "cache")
        now = time.time() + 2 * checking.GRACE
        swept = sweeping.sweep(database, now)
        problems = [str(one) for one in checking.audit(database, now=now)]
        left = [f"{one} is left" for one in migrating.copies(database.path)]
        answer((swept, problems + left))

    found: tuple[int, list[str]] = _asked(ask)
    return found


def _work(
    folder: Path,
    name: str,
    names: list[str],
    seed: int,
    tell: Callable[[str, str, int], None],
) -> None:
    sys.stderr = io.StringIO()
    worker = Worker(folder, name, names, seed, tell)
    while True:
        worker.step()


@dataclass
class Look:
    """What a look at a cache found. `kept` are acknowledged saves that are there;
    `partial_files` are the rests of writes."""

    kept: int
    problems: list[str]
    partial_files: int


def look(
    folder: Path, ledger: Ledger, may_be_lost: bool = False, later: bool = False
) -> Look:
    """Compares all that is there with the ledger, in a process of its own.

    What `may_be_lost` need not be there, and must be right if it is. A `later`
    process is one of a package with a later format.
    """

    def ask(answer: Callable[[Any], None]) -> None:
        if later:
            _be_later()
        store = SqliteStore(str(folder / "cache"))
        kept, problems = 0, []
        for key in ledger:
            try:
                found = load(store, key)
                fault = ledger.fault(key, found)
                if found is None and may_be_lost:
                    continue
            except Wrong as error:
                fault = str(error)
            if fault is not None:
                problems.append(fault)
            elif ledger.is_certain(key):
                kept += 1
        database = store.database
        problems += [str(problem) for problem in checking.audit(database)]
        partial = [path for path in database.blobs.rglob(".*") if path.is_file()]
        answer(Look(kept, problems, len(partial)))

    found: Look = _asked(ask)
    return found


def _asked(ask: Callable[[Callable[[Any], None]], None]) -> Any:
    """What a fork answers."""
    ours, theirs = multiprocessing.Pipe(duplex=False)
    pid = _fork(lambda: ask(theirs.send))
    theirs.close()
    try:
        return ours.recv()
    finally:
        os.waitpid(pid, 0)


def _teller(pipe: int) -> Callable[[str, str, int], None]:
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
