"""A process that has imported marimo, and exports notebooks in children of its own.

It is asked by lines of JSON, `{"arguments": […], "folder": path, "env": {…}}`, where the
arguments are those of `marimo`, and answers each by one: what was printed. marimo starts
the kernel of an export as a program of its own; that is such a child, too, which has
nothing of what happened since marimo was imported.

All children of one such process have its seed for hashes and its addresses, which
programs of their own do not have in common: `kernels.py` takes turns with two.
"""

from __future__ import annotations

import fcntl
import gc
import json
import logging
import os
import signal
import site
import socket
import sys
import tempfile
from collections.abc import Sequence
from multiprocessing import util
from types import ModuleType
from typing import Any

_AT_MOST_SECONDS = 180


def main() -> None:
    from marimo._cli import cli

    # Else each child looks through all of marimo, which copies its memory.
    gc.freeze()
    for line in sys.stdin:
        with tempfile.TemporaryFile() as printed:
            child = os.fork()
            if child == 0:
                _begin(json.loads(line), printed.fileno())
                _keep_a_kernel()
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
    # As Python does when it starts.
    site.execsitecustomize()
    sys.argv = ["marimo", *request["arguments"]]
    _log_anew()
    # A kernel runs the main module of who starts it again, but for marimo's own.
    sys.modules["__main__"] = ModuleType("__main__")


def _log_anew() -> None:
    """Lets marimo log into the home of this run: it chose a file as it was imported."""
    from marimo import _loggers

    logger = _loggers.marimo_logger()
    for handler in [*logger.handlers]:
        if isinstance(handler, logging.FileHandler):
            logger.removeHandler(handler)
            handler.close()
    _loggers.has_added_handler = False
    _loggers.marimo_logger()


def _keep_a_kernel() -> None:
    """Forks the process that is to be the kernel, as long as nothing has happened; it
    waits for the command that multiprocessing would start a program by."""
    here, there = socket.socketpair()
    kernel = os.fork()
    if kernel == 0:
        here.close()
        _be_the_kernel(there)
    there.close()
    start = util.spawnv_passfds

    def begin(path: bytes, args: Sequence[Any], passfds: Sequence[int]) -> int:
        if args[-1] != "--multiprocessing-fork":
            # It is multiprocessing's own, which clears up after programs.
            return start(path, args, passfds)
        util.spawnv_passfds = start
        request = json.dumps({"code": args[-2], "handles": passfds})
        socket.send_fds(here, [request.encode()], passfds)
        here.close()
        return kernel

    util.spawnv_passfds = begin


def _be_the_kernel(there: socket.socket) -> None:
    message, received, _, _ = socket.recv_fds(there, 4096, 64)
    there.close()
    if not message:
        # marimo has ended without a kernel.
        os._exit(0)
    request = json.loads(message)
    # Their numbers stand in the code, and in what is handed over by them.
    numbers = request["handles"]
    above = max(numbers) + 1
    aside = [fcntl.fcntl(handle, fcntl.F_DUPFD, above) for handle in received]
    for handle in received:
        os.close(handle)
    for handle, number in zip(aside, numbers, strict=True):
        os.dup2(handle, number)
        os.close(handle)
    sys.argv = ["-c", "--multiprocessing-fork"]
    exec(request["code"])


if __name__ == "__main__":
    main()
