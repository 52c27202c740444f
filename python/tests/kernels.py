"""Real kernels for the tests: Cellar as it is shipped, and marimo around it."""

from __future__ import annotations

import atexit
import hashlib
import json
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import cycle
from pathlib import Path
from textwrap import dedent
from typing import Any

from marimo_cellar.values.checksums import seal

PACKAGE = Path(__file__).resolve().parents[1]


def build(folder: Path) -> Path:
    """The folder that goes on PYTHONPATH: the package and its metadata."""
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--no-build-isolation",
            "--no-index",
            "--target",
            str(folder),
            str(PACKAGE),
        ],
        check=True,
    )
    return folder


def environment(shipped: Path | None, home: Path) -> dict[str, str]:
    """An environment in which marimo's kernels have Cellar, or do not.

    `home` keeps marimo's own settings and signing key away from the user's.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MARIMO", "PYTHON", "XDG", "CELLAR"))
    }
    return (
        kept
        | {
            "HOME": str(home),
            "USERPROFILE": str(home),
            "XDG_CONFIG_HOME": str(home / "config"),
            "XDG_STATE_HOME": str(home / "state"),
            "XDG_CACHE_HOME": str(home / "cache"),
            "MARIMO_SKIP_UPDATE_CHECK": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "MPLBACKEND": "agg",
        }
        | ({"PYTHONPATH": str(shipped)} if shipped else {})
    )


def python(notebook: Path, env: dict[str, str], *arguments: str) -> str:
    """What Python prints, run beside a notebook, where it must not fail."""
    done = _program([sys.executable, *arguments], notebook.parent, env)
    assert done.returncode == 0, done.stdout
    return done.stdout


def _program(
    arguments: list[str], folder: Path, env: dict[str, str], **popen: Any
) -> subprocess.CompletedProcess[str]:
    """One that has ended, with all that it printed."""
    return subprocess.run(
        arguments,
        env=env,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=180,
        **popen,
    )


def output_of(code: str, *arguments: object, **popen: object) -> str:
    """What a Python of its own prints; it is given the arguments in `sys.argv`."""
    done = subprocess.run(
        [sys.executable, "-c", dedent(code), *map(str, arguments)],
        cwd=PACKAGE,
        capture_output=True,
        text=True,
        timeout=120,
        **popen,  # type: ignore[call-overload]
    )
    assert done.returncode == 0, done.stderr
    return str(done.stdout)


@dataclass(frozen=True)
class Run:
    """What an export printed, what Cellar warned of as marimo logged it, and the
    cells' outputs as marimo recorded them.

    What is warned of on another thread just when a cell ends, marimo's redirection of
    a cell's console may lose on its way to what is printed, and not to the log.
    """

    printed: str
    warned: list[str]
    outputs: list[object]
    console: list[tuple[str, str]]


def export(notebook: Path, env: dict[str, str], **popen: Any) -> Run:
    """Runs a notebook from start to end by `marimo export html`: in a child of
    `exporter.py`, or with `popen` as a program of its own."""
    session = notebook.parent / "__marimo__" / "session" / f"{notebook.name}.json"
    session.unlink(missing_ok=True)
    log = Path(env["XDG_CACHE_HOME"]) / "marimo" / "logs" / "marimo.log"
    begin = log.stat().st_size if log.exists() else 0
    if popen:
        program = export_html(notebook, env)
        printed = _program(program, notebook.parent, env, **popen).stdout
    else:
        _, _, _, *arguments = export_html(notebook, env)
        printed = next(exporters()).marimo(arguments, notebook.parent, env)
    logged = log.read_bytes()[begin:].decode() if log.exists() else ""
    warned = [line for line in logged.splitlines() if "Cellar: " in line]
    return Run(printed, warned, _outputs(session), _console(session))


class Exporter:
    """`exporter.py`, which takes a tenth of the time that two programs for each export
    take."""

    def __init__(self) -> None:
        home = Path(tempfile.gettempdir()) / "cellar-exporter"
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("exporter.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(None, home),
            text=True,
        )
        atexit.register(self._process.communicate)

    def marimo(self, arguments: list[str], folder: Path, env: dict[str, str]) -> str:
        """What `marimo` printed, run in that folder."""
        assert self._process.stdin and self._process.stdout
        request = {"arguments": arguments, "folder": str(folder), "env": env}
        print(json.dumps(request), file=self._process.stdin, flush=True)
        return str(json.loads(self._process.stdout.readline()))


@cache
def exporters() -> Iterator[Exporter]:
    """Those that all tests of this process use, in turn: one run and the next hash
    differently, and have nothing at the same address, as two programs."""
    return cycle([Exporter(), Exporter()])


def export_html(notebook: Path, env: dict[str, str]) -> list[str]:
    """The program and arguments of that, for an environment of ours."""
    return [
        *(sys.executable, "-m", "marimo", "-y", "export", "html", str(notebook)),
        *("--output", str(Path(env["HOME"]) / "export.html"), "--force"),
    ]


def _outputs(session: Path) -> list[object]:
    """The outputs, without the names that marimo draws anew in each run."""
    if not session.exists():
        return []
    cells = json.loads(session.read_text("utf-8"))["cells"]
    text = json.dumps([cell["outputs"] for cell in cells])
    text = re.sub(r"[0-9]+-[\w-]+\.(json|csv|arrow|txt)", r"file.\1", text)
    text = re.sub(r"(random-id|object-id)='?[\w-]+", r"\1", text)
    result: list[object] = json.loads(text)
    return result


def _console(session: Path) -> list[tuple[str, str]]:
    """What the cells printed, one after the other: of which stream, and what; of `media`
    the data, such as an image."""
    if not session.exists():
        return []
    cells = json.loads(session.read_text("utf-8"))["cells"]
    parts = [part for cell in cells for part in cell["console"]]
    return [(part["name"], part.get("text") or part["data"]) for part in parts]


def cache_of(notebook: Path) -> Path:
    """The folder of a notebook's cache."""
    return notebook.parent / "__marimo__" / "cache"


def query(notebook: Path, sql: str, *parameters: object) -> list[Any]:
    """Rows of the notebook's database, where that is in its usual place."""
    return rows_in(cache_of(notebook), sql, *parameters)


def rows_in(folder: Path, sql: str, *parameters: object) -> list[Any]:
    """Rows of the database in a folder."""
    connection = sqlite3.connect(folder / "cache.db")
    try:
        return connection.execute(sql, parameters).fetchall()
    finally:
        connection.close()


def change(notebook: Path, sql: str, *parameters: object) -> None:
    """Changes the notebook's database as an outsider would."""
    connection = sqlite3.connect(cache_of(notebook) / "cache.db", timeout=10)
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        with connection:
            connection.execute(sql, parameters)
    finally:
        connection.close()


def put_instead(notebook: Path, key: str, content: bytes) -> None:
    """Other bytes for a key, as one writes them who knows the format."""
    digest = hashlib.sha256(content).digest()
    change(
        notebook,
        "INSERT OR IGNORE INTO blobs (digest, size, crc32, content) VALUES (?, ?, ?, ?)",
        *(digest, len(content), zlib.crc32(content), content),
    )
    change(
        notebook,
        "UPDATE items SET digest = ?, seal = ? WHERE key = ?",
        *(digest, seal(key, digest, len(content)), key),
    )
