"""`config`: prints each setting and where it comes from."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from marimo_cellar.place import Place, place_of, this_system, user_file


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
            print(f"There is no {notebook}.", file=sys.stderr)
            return 2
        if notebook.is_dir():
            # Any file of the folder stands for those that are there.
            notebook /= "notebook.py"
    place = place_of(notebook)
    if options.json:
        print(json.dumps(_as_json(place), indent=2))
        return 0
    for refusal in place.refusals:
        print(f"warning: {refusal.message}", file=sys.stderr)
    print(f"path = {place.folder}\n  from {_origin(place)}")
    return 0


def _as_json(place: Place) -> dict[str, object]:
    return {
        "path": {
            "value": str(place.folder),
            "source": place.source,
            "file": str(place.file) if place.file is not None else None,
        },
        "warnings": [refusal.message for refusal in place.refusals],
    }


def _origin(place: Place) -> str:
    if place.source == "environment":
        return "the environment variable CELLAR_PATH"
    if place.source == "project":
        return f"[tool.cellar] in {place.file}"
    if place.source == "user":
        return str(place.file)
    return f"no setting: your own would be in {user_file(this_system())}"
