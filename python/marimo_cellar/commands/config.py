"""`config`: prints each setting and where it comes from."""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import sys
from pathlib import Path
from typing import Any

from marimo_cellar.amounts import told_size
from marimo_cellar.cleaning import retention
from marimo_cellar.database import damage
from marimo_cellar.database.database import Unavailable, database_in
from marimo_cellar.settings.place import (
    Place,
    Refusal,
    place_of,
    this_system,
    user_file,
)
from marimo_cellar.settings.settings import Setting, Settings, budget_in, settings_of


def add_to(commands: Any) -> None:
    """Adds the command to argparse's subparsers."""
    parser = commands.add_parser(
        "config",
        help="print each setting and where it comes from",
        description="Prints each setting that applies to a notebook, and where it "
        "comes from. What is not followed is said on standard error.",
    )
    parser.add_argument(
        "notebook",
        metavar="NOTEBOOK",
        nargs="?",
        type=Path,
        help="a notebook's file, or a folder of notebooks; the working folder if "
        "left out",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    notebook = None
    if options.notebook is not None:
        notebook = Path(os.path.abspath(options.notebook))
        if not notebook.exists():
            raise FileNotFoundError(f"There is no {options.notebook}")
        if notebook.is_dir():
            # Any file of the folder stands for those that are there.
            notebook /= "notebook.py"
    place = place_of(notebook)
    settings = settings_of(notebook)
    budget = budget_in(place.folder, _used(place), settings.budget)
    refusals = list(dict.fromkeys(place.refusals + settings.refusals))
    if options.json:
        print(json.dumps(_as_json(place, settings, budget, refusals), indent=2))
        return 0
    for refusal in refusals:
        print(f"warning: {refusal.message}", file=sys.stderr)
    print(f"path = {place.folder}\n  from {_origin(place)}")
    print(
        f"budget = {told_size(budget)}\n  from {_origin_of_budget(settings, budget)}"
        if budget is not None
        else "budget = none\n  from no setting, and the disk does not tell what is free"
    )
    if settings.cost_per_hour is not None:
        print(f"cost_per_hour = {settings.cost_per_hour:g}")
    if settings.recompute_on_change:
        print("recompute_on_change = true")
    return 0


def _used(place: Place) -> int:
    """What the cache takes now: the budget is a share of what is free without it."""
    try:
        database = database_in(place.folder)
        with damage.only_looking(), database.reading() as connection:
            return retention.used(connection) if connection is not None else 0
    except (Unavailable, sqlite3.Error):
        return 0


def _as_json(
    place: Place, settings: Settings, budget: int | None, refusals: list[Refusal]
) -> dict[str, object]:
    followed = _followed(settings, budget)
    return {
        "path": {
            "value": str(place.folder),
            "source": place.source,
            "file": str(place.file) if place.file is not None else None,
        },
        "budget": {
            "value": budget,
            "file": str(followed.file) if followed is not None else None,
        },
        "cost_per_hour": settings.cost_per_hour,
        "recompute_on_change": settings.recompute_on_change,
        "warnings": [refusal.message for refusal in refusals],
    }


def _followed(settings: Settings, budget: int | None) -> Setting | None:
    """The setting of the budget, if it is that; a project may want more than there is."""
    setting = settings.budget
    return setting if setting is not None and setting.value == budget else None


def _origin_of_budget(settings: Settings, budget: int) -> str:
    followed = _followed(settings, budget)
    if followed is not None:
        return str(followed.file)
    usual = "no setting: a tenth of what is free without the cache, or 2 GB"
    if settings.budget is None:
        return usual
    return f"{usual}; {settings.budget.file} wants more, which only {user_file(this_system())} may"


def _origin(place: Place) -> str:
    if place.source == "environment":
        return "the environment variable CELLAR_PATH"
    if place.source == "project":
        return f"[tool.cellar] in {place.file}"
    if place.source == "user":
        return str(place.file)
    return f"no setting: your own would be in {user_file(this_system())}"
