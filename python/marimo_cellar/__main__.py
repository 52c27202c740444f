"""The command line: `python -m marimo_cellar COMMAND`.

Each command is a module of `commands`, with a function that adds it to the parser
and names what runs it.
"""

from __future__ import annotations

import argparse
import logging
import os
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper

from marimo_cellar import __version__, notices

try:
    from marimo_cellar.commands import (
        checking,
        config,
        exporting,
        importing,
        pruning,
        why,
    )
    from marimo_cellar.database.database import Unavailable
except ModuleNotFoundError as error:
    # A terminal's `python` is often another one than its `marimo` runs by.
    if error.name not in ("marimo", "msgspec"):
        raise
    sys.exit(
        f"python -m marimo_cellar: {sys.executable} has no marimo."
        " Use the Python that runs your notebooks."
    )

COMMANDS = (config, importing, exporting, checking, pruning, why)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; the exit code, which is 1 if it could not do its work."""
    parser = argparse.ArgumentParser(
        prog="python -m marimo_cellar",
        description="Cellar keeps the results of marimo notebook cells in SQLite.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_to(commands)
    parsed = parser.parse_args(arguments)
    if isinstance(sys.stdout, TextIOWrapper):
        # A pipe of Windows, or a name that is no text: what it cannot say, it spells.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        with _plain_warnings() as told:
            code: int = parsed.run(parsed)
        sys.stdout.flush()
    except BrokenPipeError:
        # Who reads it has read enough, as `head` has. What is left is nobody's, or
        # Python would complain of it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (OSError, sqlite3.Error, Unavailable) as error:
        # Of a database that cannot be used, a warning may have said it already.
        if str(error) not in told:
            print(f"{parser.prog}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted. What is done stays done.", file=sys.stderr)
        return 130
    return code


@contextmanager
def _plain_warnings() -> Iterator[list[str]]:
    """Warnings are told as a program tells them, and not as a server's log does."""
    told: list[str] = []

    class Teller(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            told.append(record.getMessage().removeprefix("Cellar: "))
            print(f"warning: {told[-1]}", file=sys.stderr)

    teller = Teller()
    notices.logger.addHandler(teller)
    notices.logger.propagate = False
    try:
        yield told
    finally:
        notices.logger.propagate = True
        notices.logger.removeHandler(teller)


if __name__ == "__main__":
    sys.exit(main())
