"""`prune`: removes what is outdated and what the budget has no room for."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from marimo_cellar.amounts import told_amount, told_seconds, told_size
from marimo_cellar.cleaning import retention
from marimo_cellar.cleaning.loss import Loss
from marimo_cellar.cleaning.pruning import Outcome, Plan, plan, prune
from marimo_cellar.commands.caches import (
    as_found,
    database_of,
    existing,
    is_marimo_cache,
)
from marimo_cellar.commands.naming import notebook_name
from marimo_cellar.database.database import DATABASE_NAME, Database, Unavailable
from marimo_cellar.entries import arguments
from marimo_cellar.entries.entries import CELL_CACHE
from marimo_cellar.settings.settings import (
    budget_in,
    parse_size,
    say_refusals,
    settings_of,
)

# Entries of one reason, and characters of what a function was called with.
_LISTED = 20
_CALL = 80

WHY: Mapping[retention.Reason, str] = {
    "version": "an older version of the cell's code",
    "unreadable": "of a cache format that no marimo here reads",
    "block": "of a function or block that the cell no longer has",
    "orphan": "of a cell that the notebook no longer has",
    "room": "over the budget, and of the least worth for its size",
}


def add_to(commands: Any) -> None:
    """Adds the command to argparse's subparsers."""
    parser = commands.add_parser(
        "prune",
        help="remove what is outdated and what the budget has no room for",
        description="Removes what is outdated, and of the rest what is worth least for "
        "its size until the cache is within its budget. Kernels do the same by "
        "themselves. Pinned results, and those that an open notebook would load, stay.",
    )
    parser.add_argument(
        "path",
        nargs="?",
        type=Path,
        default=Path(),
        metavar="PATH",
        help="a notebook, a folder or a cache.db; the working folder's if left out",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would go, and remove nothing"
    )
    parser.add_argument(
        "--budget",
        type=_size,
        metavar="SIZE",
        help='how much may stay, such as "2GB"; by default as `config` prints it',
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=_run)


def _size(text: str) -> int:
    size = parse_size(int(text) if text.isdecimal() else text)
    if size is None:
        raise argparse.ArgumentTypeError(f'{text!r} is not a size such as "2GB"')
    return size


def _run(parsed: argparse.Namespace) -> int:
    database = existing(database_of(parsed.path))
    now = time.time()
    with as_found(database):
        _must_have_policy(database)
        budget = parsed.budget
        if budget is None:
            settings = settings_of(_notebook(parsed.path))
            say_refusals(settings)
            budget = budget_in(database.folder, _used(database), settings.budget)
        planned = plan(database, budget, now)
        # Before they go.
        lines = _lines(database, planned)
    outcome = None
    if not parsed.dry_run:
        if lines and database.read_only:
            raise Unavailable(
                f"{database.path} can only be read here: nothing of it was removed. Run "
                "this where its folder can be written to."
            )
        outcome = prune(database, planned, budget, "command", now)
    if parsed.json:
        print(json.dumps(_as_json(database, planned, outcome, lines)))
    else:
        _print(database, planned, outcome, lines)
    return 1 if outcome is not None and outcome.busy else 0


def _must_have_policy(database: Database) -> None:
    """Raises Unavailable where the format is older and cannot be brought up to date."""
    with database.reading() as connection:
        if connection is None:
            return
        found = connection.execute(
            "SELECT 1 FROM sqlite_master WHERE type = 'view' AND name = 'retention'"
        ).fetchone()
    if found is None:
        raise Unavailable(
            f"{database.path} is of an older format, which knows no clean-up, and "
            "cannot be brought up to date: there is no permission to change it."
        )


def _used(database: Database) -> int:
    with database.reading() as connection:
        return retention.used(connection) if connection is not None else 0


def _notebook(path: Path) -> Path:
    """A notebook that the settings for the named cache are asked for."""
    path = path.absolute()
    if path.name == DATABASE_NAME:
        path = path.parent
        if is_marimo_cache(path):
            path = path.parent.parent
    return path / "notebook.py" if path.is_dir() else path


@dataclass(frozen=True)
class _Line:
    """An entry that goes, as people know it."""

    app: str
    cell: str
    cache_name: str
    # What a function was called with, in words, by parameter.
    arguments: Mapping[str, str]
    hash: str
    size: int
    seconds: float
    amount: float
    reason: retention.Reason


def _lines(database: Database, planned: Plan) -> list[_Line]:
    lines = []
    with database.reading() as connection:
        for one in planned.evictions if connection is not None else ():
            assert connection is not None
            row = connection.execute(
                "SELECT path, coalesce(name, code), cache_name, hash FROM entries"
                " JOIN cells USING (cell_id) JOIN apps USING (app_id)"
                " WHERE entry_id = ?",
                (one.candidate.entry_id,),
            ).fetchone()
            if row is not None:
                app, cell, cache_name, hash = row
                first = (cell.strip() or "cell").splitlines()[0]
                lines.append(
                    _Line(
                        app,
                        first,
                        cache_name,
                        arguments.read(connection, one.candidate.entry_id),
                        hash,
                        one.freed,
                        one.candidate.seconds,
                        one.candidate.amount,
                        one.reason,
                    )
                )
    return lines


def _as_json(
    database: Database, planned: Plan, outcome: Outcome | None, lines: list[_Line]
) -> dict[str, object]:
    loss = planned.loss
    return {
        "database": str(database.path),
        "budget": planned.budget,
        "used": planned.used,
        "frees": planned.size,
        "seconds": loss.seconds,
        "amount": loss.amount,
        "entries": [asdict(line) for line in lines],
        "done": None
        if outcome is None
        else {
            "entries": outcome.cleaning.entries,
            "freed": outcome.cleaning.size,
            "seconds": outcome.cleaning.loss.seconds,
            "amount": outcome.cleaning.loss.amount,
            "rubbish": outcome.rubbish,
            "busy": outcome.busy,
        },
    }


def _print(
    database: Database, planned: Plan, outcome: Outcome | None, lines: list[_Line]
) -> None:
    if outcome is not None and outcome.busy:
        print(
            f"{database.path} is being cleaned up by somebody else. Try again in half a minute."
        )
        return
    budget = "no limit" if planned.budget is None else told_size(planned.budget)
    print(f"{database.path}: {told_size(planned.used)} of {budget}.")
    for reason, why in WHY.items():
        alike = [line for line in lines if line.reason == reason]
        if not alike:
            continue
        print(f"{why[0].upper()}{why[1:]}:")
        for line in alike[:_LISTED]:
            name = "" if line.cache_name == CELL_CACHE else f", {_call(line)}"
            cost = f", cost {told_amount(line.amount)}" if line.amount > 0 else ""
            print(
                f"  {told_size(line.size):>9}  {told_seconds(line.seconds):>8}  "
                f"{notebook_name(database, line.app)}: {line.cell}{name}{cost}"
            )
        if len(alike) > _LISTED:
            print(f"  and {len(alike) - _LISTED} more")
    done = planned if outcome is None else outcome.cleaning
    freed = f"{told_size(done.size)}, {_price(done.loss)}."
    if outcome is None:
        print(f"It would free {freed}" if lines else "Nothing would go.")
    else:
        print(f"Freed {freed}" if lines else "Nothing had to go.")
    over = 0 if planned.budget is None else planned.used - done.size - planned.budget
    if over > 0:
        print(
            f"{told_size(over)} more than the budget stay: pinned, or what a notebook that "
            "is open, or ran within the hour, would load."
        )


def _call(line: _Line) -> str:
    """`fit`, or `ask(prompt='Why is the sky blue?')` of a function."""
    if not line.arguments:
        return line.cache_name
    said = ", ".join(f"{name}={text}" for name, text in line.arguments.items())
    said = said if len(said) <= _CALL else f"{said[: _CALL - 1]}…"
    return f"{line.cache_name}({said})"


def _price(loss: Loss) -> str:
    money = f" and {told_amount(loss.amount)} to pay" if loss.amount > 0 else ""
    return f"about {told_seconds(loss.seconds)} to recompute{money} if all were wanted again"
