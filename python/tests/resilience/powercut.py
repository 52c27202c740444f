"""What a power cut may leave of a cache, and what is served from it.

`kill -9` loses nothing that was handed to the system. A power cut does: what was not
made to last by `fsync` may be on the disk in any part. So one worker's writes are
traced by `faults.c`, and from the trace the disk is put together as a cut at any
moment may have left it: what was made to last is there, of all later blocks some are
and some are not, and the last names given may be missing. That is harsher than most
file systems are. What a disk does that lies about `fsync` is not shown.

`python -m tests.resilience.powercut --cuts 200` prints the figures as JSON.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import NamedTuple

from marimo_cellar import SqliteStore
from marimo_cellar.checking.checking import audit
from marimo_cellar.database import database
from marimo_cellar.database.database import Unavailable
from tests.kernels import PACKAGE
from tests.resilience.disk import failing
from tests.resilience.ledger import Ledger
from tests.resilience.work import Missing, Wrong, load

_HEAD = struct.Struct("=IIIIq")
_BLOCK = 4096
_STEPS = 150
# What a blob may be after a power cut, as `blobfile.py` says: it is not flushed, and
# a miss. Rows may never be wrong.
_ALLOWED = frozenset(("missing-file", "wrong-size", "wrong-bytes", "unknown-file"))


@dataclass
class Figures:
    """`acknowledged` counts the saves that were told as done before each cut, `kept`
    those of them that were still served."""

    cuts: int
    seed: int
    acknowledged: int = 0
    kept: int = 0
    misses: int = 0
    problems: list[str] = field(default_factory=list)


class Event(NamedTuple):
    """One thing that was done to a file: W writes, T cuts its size, S makes it last,
    R renames it, U removes it."""

    kind: str
    path: str
    data: bytes
    offset: int


def cut_power(folder: Path, cuts: int, seed: int) -> Figures:
    """Traces a worker and looks at so many disks. Raises `CannotFail`."""
    chance = random.Random(seed)
    figures = Figures(cuts, seed)
    work = folder / "work"
    work.mkdir(parents=True)
    trace = folder / "trace"
    subprocess.run(
        [sys.executable, "-c", _WORK, str(work), str(seed), str(_STEPS)],
        cwd=PACKAGE,
        env=failing(work, trace=trace),
        check=True,
    )
    events = list(_read(trace))
    for number in range(cuts):
        place = folder / f"disk-{number}"
        at = chance.randrange(len(events)) + 1
        for path, content in disk(events[:at], chance).items():
            file = place / Path(path).relative_to(work.resolve())
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        _look(place, _told(events[:at]), figures)
        shutil.rmtree(place, ignore_errors=True)
    return figures


# Runs with the faults: a worker whose acknowledgements are in the trace as well.
_WORK = """
import os, sys
from pathlib import Path
from tests.resilience.work import Worker
folder, seed, steps = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
told = os.open(folder / "told", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
sys.stderr = open(os.devnull, "w")
def tell(what, key, version):
    os.write(told, f"{what} {key} {version}\\n".encode())
worker = Worker(folder, "p", ["p"], seed, tell)
for _ in range(steps):
    worker.step()
os._exit(0)
"""


def _read(trace: Path) -> Iterator[Event]:
    content = trace.read_bytes()
    at = 0
    while at < len(content):
        kind, path, data, _, offset = _HEAD.unpack_from(content, at)
        at += _HEAD.size
        name = content[at : at + path].decode()
        at += path
        yield Event(chr(kind), name, content[at : at + data], offset)
        at += data


def _told(events: list[Event]) -> Ledger:
    ledger = Ledger()
    lines = b"".join(
        e.data for e in events if e.kind == "W" and e.path.endswith("told")
    )
    for line in lines.decode().splitlines():
        if not line.startswith("at "):
            ledger.note(line)
    return ledger


class _File:
    """A file's content, as far as it got to the disk."""

    def __init__(self) -> None:
        self.content = bytearray()
        self.later: list[tuple[int, Event]] = []

    def last(self) -> None:
        """All of it is on the disk."""
        for _, event in self.later:
            self._do(event)
        self.later = []

    def some(self, named_until: int, odds: float, chance: random.Random) -> bytes:
        """With some of what was not made to last."""
        for number, event in self.later:
            if event.kind == "T":
                if number <= named_until:
                    self._do(event)
                continue
            at = 0
            while at < len(event.data):
                size = _BLOCK - (event.offset + at) % _BLOCK
                if chance.random() < odds:
                    self._put(event.offset + at, event.data[at : at + size])
                at += size
        return bytes(self.content)

    def _do(self, event: Event) -> None:
        if event.kind == "W":
            self._put(event.offset, event.data)
        elif event.offset <= len(self.content):
            del self.content[event.offset :]
        else:
            self.content.extend(bytes(event.offset - len(self.content)))

    def _put(self, offset: int, data: bytes) -> None:
        if offset > len(self.content):
            self.content.extend(bytes(offset - len(self.content)))
        self.content[offset : offset + len(data)] = data


def disk(events: list[Event], chance: random.Random) -> dict[str, bytes]:
    """Files by their paths, as a cut after these events may have left them."""
    lasting = max((n for n, e in enumerate(events) if e.kind == "S"), default=0)
    # With whatever was made to last, all names given before were.
    named_until = chance.randint(lasting, len(events))
    odds = chance.choice((0.0, 0.5, 0.9, 1.0))
    files: dict[str, _File] = {}
    names: dict[str, _File] = {}

    def rename(table: dict[str, _File], event: Event) -> None:
        if (file := table.pop(event.path, None)) is not None and event.kind == "R":
            table[event.data.decode()] = file

    for number, event in enumerate(events):
        if event.kind in "RU":
            rename(files, event)
            if number <= named_until:
                rename(names, event)
            continue
        if event.kind == "S" and event.path not in files:
            # A folder. That makes the names in it last, which is in `lasting`.
            continue
        if event.path not in files:
            files[event.path] = _File()
            if number <= named_until:
                names[event.path] = files[event.path]
        file = files[event.path]
        if event.kind == "S":
            file.last()
        else:
            file.later.append((number, event))
    return {
        path: file.some(named_until, odds, chance)
        for path, file in names.items()
        if not path.endswith("told")
    }


def _look(place: Path, ledger: Ledger, figures: Figures) -> None:
    store = SqliteStore(str(place / "cache"))
    figures.acknowledged += sum(map(ledger.is_certain, ledger))
    for key in ledger:
        try:
            found = load(store, key)
        except Missing:
            # A file of the entry is lost: a loader asks for all of them first.
            found = None
        except Wrong as error:
            figures.problems.append(str(error))
            found = None
        if found is None:
            figures.misses += 1
        elif ledger.is_certain(key):
            figures.kept += ledger.fault(key, found) is None
    try:
        found_wrong = audit(store.database)
    except Unavailable as error:
        figures.problems.append(str(error))
        return
    figures.problems += [
        f"{problem.kind} {problem}"
        for problem in found_wrong
        if problem.kind not in _ALLOWED
    ]
    # And what is there can be written to.
    if not store.put("p/P_after.pickle", b"after"):
        figures.problems.append("nothing can be saved after the cut")
    store.database.close()
    database._databases.clear()
    figures.problems += [
        f"{path.name} was set aside" for path in place.rglob("*damaged*")
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--cuts", type=int, default=50)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(
            json.dumps(
                asdict(cut_power(Path(folder), given.cuts, given.seed)), indent=1
            )
        )
