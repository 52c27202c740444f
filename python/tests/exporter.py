"""A process that has imported marimo, and exports notebooks in children of its own.

It is asked by lines of JSON, `{"arguments": […], "folder": path, "env": {…}}`, where the
arguments are those of `marimo`, and answers each by one: what was printed. marimo starts
the kernel of an export as a program of its own, which has nothing of what is here.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
from typing import Any

_AT_MOST_SECONDS = 180


def main() -> None:
    from marimo._cli import cli

    for line in sys.stdin:
        with tempfile.TemporaryFile() as printed:
            child = os.fork()
            if child == 0:
                _begin(json.loads(line), printed.fileno())
                # It ends as a program does, which closes what it has made.
                cli.main()
                return
            os.waitpid(child, 0)
            printed.seek(0)
            print(json.dumps(printed.read().decode("utf-8", "replace")), flush=True)


def _begin(request: dict[str, Any], printed: int) -> None:
    signal.alarm(_AT_MOST_SECONDS)
    for handle in (1, 2):
        os.dup2(printed, handle)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["folder"])
    path = request["env"].get("PYTHONPATH")
    sys.path[:0] = path.split(os.pathsep) if path else []
    sys.argv = ["marimo", *request["arguments"]]


main()
