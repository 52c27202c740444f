"""A look at all that is in a cache, in a process of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from marimo_cellar import SqliteStore
from marimo_cellar.checking import checking
from tests.resilience.forks import asked
from tests.resilience.later import be_later
from tests.resilience.ledger import Ledger
from tests.resilience.work import Missing, Wrong, load


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
            be_later()
        store = SqliteStore(str(folder / "cache"))
        kept, problems = 0, []
        for key in ledger:
            try:
                found = load(store, key)
                fault = ledger.fault(key, found)
                if found is None and may_be_lost:
                    continue
            except Missing as error:
                if may_be_lost:
                    continue
                fault = str(error)
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

    found: Look = asked(ask)
    return found
