"""A process that has imported marimo, and exports notebooks in children of its own.

It is asked by lines of JSON, `{"notebook": path, "env": {…}}`, and answers each by one:
what was printed.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from typing import Any


def main() -> None:
    import marimo  # noqa: F401
    import numpy  # noqa: F401
    import pandas  # noqa: F401
    from marimo._cli import cli  # noqa: F401

    for line in sys.stdin:
        with tempfile.TemporaryFile() as printed:
            child = os.fork()
            if child == 0:
                _export(json.loads(line), printed.fileno())
            os.waitpid(child, 0)
            printed.seek(0)
            print(json.dumps(printed.read().decode("utf-8", "replace")), flush=True)


def _export(request: dict[str, Any], printed: int) -> None:
    for handle in (1, 2):
        os.dup2(printed, handle)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.clear()
    os.environ.update(request["env"])
    notebook = request["notebook"]
    os.chdir(os.path.dirname(notebook))
    sys.path[:0] = request["env"].get("PYTHONPATH", "").split(os.pathsep)
    from marimo._cli.cli import main as run

    sys.argv = ["marimo", "-y", "export", "html", notebook]
    sys.argv += ["--output", f"{notebook}.html", "--force"]
    try:
        run()
    finally:
        os._exit(0)


main()
