"""Made-up and damaged bytes for every decoder on the Python side.

Each decoder gets good input that was damaged by chance, and what it does with it is
judged: it may refuse, and may not raise, serve what is wrong or leave its folder.

`python -m tests.resilience.hostile --cases 10000` prints the figures as JSON; the
seed is printed, and `CELLAR_SEED` sets it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from marimo_cellar import notices
from tests.resilience import decoders, strangers
from tests.resilience.decoders import Case

# Decoders by name, and how many of a hundred cases each gets.
DECODERS: dict[str, tuple[Callable[[Path], Case], int]] = {
    "manifest": (decoders.manifest, 21),
    "json entry": (decoders.json_entry, 10),
    "key": (decoders.key, 15),
    "stock files": (decoders.stock, 10),
    "blob name and seal": (decoders.blob_name, 10),
    "settings": (decoders.settings, 10),
    "code": (decoders.code, 10),
    "identity": (decoders.identity, 10),
    "row": (strangers.row, 2),
    "schema": (strangers.schema, 1),
    "pages": (strangers.pages, 1),
}


def seed() -> int:
    """That of `CELLAR_SEED`, or another one each time."""
    return int(os.environ.get("CELLAR_SEED") or random.randrange(2**31))


def run(name: str, cases: int, seed: int, folder: Path) -> int:
    """A decoder's share of so many cases; how many these were.

    Raises AssertionError that names the case, which is its own seed.
    """
    prepare, share = DECODERS[name]
    with _quiet():
        case = prepare(folder)
        count = max(1, cases * share // 100)
        for number in range(count):
            try:
                case(random.Random(f"{seed} {name} {number}"))
            except BaseException as error:
                raise AssertionError(
                    f"{name}: case {number} of CELLAR_SEED={seed}: {error!r}"
                ) from error
    return count


@contextmanager
def _quiet() -> Iterator[None]:
    """What the user would hear of each is not ours to see."""
    before = notices.logger.disabled
    notices.logger.disabled = True
    try:
        yield
    finally:
        notices.logger.disabled = before


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=seed())
    given = parser.parse_args()
    print(f"CELLAR_SEED={given.seed}", file=sys.stderr)
    counts = {}
    for decoder in DECODERS:
        with tempfile.TemporaryDirectory() as temporary:
            counts[decoder] = run(decoder, given.cases, given.seed, Path(temporary))
    print(json.dumps({"seed": given.seed, "cases": counts}, indent=1))
