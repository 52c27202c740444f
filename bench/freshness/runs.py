"""Runs notebooks from start to end, each in a kernel of its own, as marimo's VS Code
extension starts them (`marimo._ipc`).

Each line of standard input is the path of a notebook; when it has run, a line with
what came of it is printed. The kernels are forks of this process, which has imported
the modules that are named as arguments: what takes most of a run's time happens once.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
import traceback
from pathlib import Path
from types import SimpleNamespace

from marimo._ipc import launch_kernel as kernel

# What an editor is to its kernel, the tests of the kernel's side have.
from tests.editors import opened


def run(notebook: Path) -> None:
    """Runs all cells, in a kernel that ends with them; cells may fail."""
    os.chdir(notebook.parent)
    reading, writing = os.pipe()
    # Before there are any queues: what they hold is not to be shared by a fork.
    pid = os.fork()
    if pid == 0:
        os.close(writing)
        _be_kernel(reading)
    os.close(reading)
    editor = opened(notebook, logging.ERROR)
    with os.fdopen(writing, "wb") as pipe:
        pipe.write(editor.arguments)
    editor.run_all()
    editor.stop()
    os.waitpid(pid, 0)


def _be_kernel(arguments: int) -> None:
    """Never returns."""
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, sys.stdout.fileno())
    sys.stdin = SimpleNamespace(buffer=os.fdopen(arguments, "rb"))  # type: ignore[assignment]
    kernel.main()
    # Up to the end of this process, where what waits for that is done.
    sys.exit()


def main(modules: list[str]) -> None:
    for module in modules:
        importlib.import_module(module)
    for line in sys.stdin:
        # A fork of its own for the queues, too: this process stays as it is.
        pid = os.fork()
        if pid == 0:
            try:
                run(Path(line.strip()))
            except Exception:
                traceback.print_exc()
                sys.stderr.flush()
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
