"""A kernel that saves: `python -m stores.saving FOLDER` adds entries to a population.

Each is one transaction, made by the database that a kernel saves through, for a
cell of the first notebook.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from .population import Population, insert_entries


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m stores.saving")
    parser.add_argument("folder", type=Path, help="that of the notebooks")
    parser.add_argument("--package", type=Path, required=True)
    parser.add_argument("--rate", type=float, required=True, help="entries a second")
    parser.add_argument("--seconds", type=float, required=True)
    given = parser.parse_args()
    sys.path.insert(0, str(given.package.resolve()))
    from marimo_cellar.database.database import database_in

    database = database_in(given.folder.resolve() / "__marimo__" / "cache")
    one = Population(entries=1)
    begun = time.monotonic()
    for index in range(int(given.rate * given.seconds)):
        time.sleep(max(0.0, begun + index / given.rate - time.monotonic()))
        # Beyond the numbers that the population has, and others at each call.
        number = time.time_ns()
        with database.writing() as connection:
            insert_entries(connection, 1 + index % 40, None, number, one)
    print("saved")


if __name__ == "__main__":
    main()
