"""marimo's servers on loopback, with a client that a browser would be."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from websockets.sync.client import connect
from websockets.sync.connection import Connection

_PATIENCE = 90.0


@dataclass
class Client:
    """One browser tab: a session of its own on the server."""

    port: int
    session: str
    socket: Connection

    def wait_for(self, operation: str) -> list[dict[str, Any]]:
        """The messages until one of this kind has come, with it."""
        messages = []
        until = time.monotonic() + _PATIENCE
        while True:
            message = json.loads(self.socket.recv(until - time.monotonic()))
            messages.append(message)
            if message["op"] == operation:
                return messages

    def post(self, path: str, body: dict[str, Any]) -> None:
        """Asks the kernel for something; `path` is below `/api`."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api/{path}",
            json.dumps(body).encode(),
            {
                "Content-Type": "application/json",
                "Marimo-Session-Id": self.session,
            },
        )
        with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:
            answer.read()


@dataclass
class Server:
    port: int
    process: subprocess.Popen[str]

    @contextlib.contextmanager
    def client(self, notebook: Path, session: str) -> Iterator[Client]:
        address = (
            f"ws://127.0.0.1:{self.port}/ws?session_id={session}"
            f"&file={quote(str(notebook))}"
        )
        with connect(address, max_size=None, open_timeout=_PATIENCE) as websocket:
            yield Client(self.port, session, websocket)


@contextlib.contextmanager
def serve(
    command: str, *paths: Path, env: dict[str, str], log: Path
) -> Iterator[Server]:
    """`marimo edit` or `marimo run` on a free port, ended afterwards."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with log.open("w") as output:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "marimo", "-y", command),
                *map(str, paths),
                *("--headless", "--no-token", "--no-skew-protection"),
                *("--host", "127.0.0.1", "--port", str(port)),
            ],
            env=env,
            cwd=paths[0] if paths[0].is_dir() else paths[0].parent,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
        )
    try:
        _wait_until_healthy(port, process, log)
        yield Server(port, process)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_healthy(port: int, process: subprocess.Popen[str], log: Path) -> None:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(log.read_text())
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5)
            return
        time.sleep(0.1)
    raise TimeoutError(log.read_text())
