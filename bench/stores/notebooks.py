"""Whole notebooks in a real kernel: the second run, and the first.

A run is `marimo export html`, called in a forked process that has imported marimo
already, and its kernel is forked too: to start Python and to import marimo takes
seconds, is the same for both, and would only cover what is to be seen. Cellar joins
as it does for users, by its entry point, and its own import counts.

| id | seconds |
|---|---|
| `notebook-warm` | inside the loader and the store, on the kernel's thread, summed |
| `notebook-cold` | from the last cell's end until everything saved is committed |
| `…-wall` | of the whole run |
| `frames-warm` | as `notebook-warm`, for pandas frames |
| `functions-warm`, `functions-cold` | the same for cells that call a function of the notebook |
| `list-warm`, `list-cold` | as `notebook-warm` and `notebook-cold`, for a long list of numbers |
| `calls-warm` | of a loop that calls a `persistent_cache` function, all of them hits |
| `calls-cold` | of the same loop, all of them misses, until the last call has answered |
| `calls-within` | as `calls-warm`, of a function that calls four others, on which its key depends |
"""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial, wraps
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

from .rounds import Case, Turn, in_child
from .subjects import OURS

_ENTRY_POINTS = "[marimo.kernel.lifespan]\ncellar = marimo_cellar.kernel:join_kernel\n"
_APP = "import marimo\n\napp = marimo.App()\n"
_HEAD = f"""\
# /// script
# [tool.marimo.runtime]
# cache_cells = true
# ///
{_APP}"""
_FOOT = '\n\nif __name__ == "__main__":\n    app.run()\n'
_FRAMES = 20
# What a cached function calls.
_HELPERS = """
    INSTRUCTIONS = "Answer in one sentence."

    def clean(prompt):
        return prompt.strip()

    def shorten(prompt, most=200):
        return clean(prompt)[:most]

    def instruct(prompt):
        return INSTRUCTIONS + shorten(prompt)

    def repeated(prompt):
        return 20 * instruct(prompt)
"""
# What a loop leaves its seconds in, beside its notebook.
_LOOP = "loop.txt"


class Run(NamedTuple):
    """Seconds: in the loader and store, until all is committed, and of the whole."""

    inside: float
    committing: float
    wall: float


def cases(quick: bool) -> list[Case]:
    turns = (("warm", _warm), ("cold", _cold))
    frames, rows = ("20x1MB", 31_250) if quick else ("20x50MB", 1_562_500)
    numbers, length = ("1k", 1000) if quick else ("1M", 1_000_000)
    functions, calls = (10, 100) if quick else (60, 1000)
    return [
        *(
            _notebooks(f"notebook-{name}", count, turn, _small(count), count < 1000)
            for name, turn in turns
            for count in ((20,) if quick else (20, 200, 1000))
        ),
        *(
            _notebooks(f"functions-{name}", functions, turn, _functions(functions))
            for name, turn in turns
        ),
        _notebooks("frames-warm", frames, _warm, _frames(rows)),
        *(
            _notebooks(f"list-{name}", numbers, turn, _list(length))
            for name, turn in turns
        ),
        *(
            Case((f"{name}/{calls}",), OURS, partial(turn, text=text), rounds=9)
            for name, turn, text in (
                ("calls-warm", _loop_warm, _calls(calls)),
                ("calls-cold", _loop_cold, _calls(calls)),
                ("calls-within", _loop_warm, _calls(calls, _HELPERS, "repeated")),
            )
        ),
    ]


def _notebooks(
    name: str,
    size: object,
    turn: Callable[..., Turn],
    text: str,
    warm_up: bool = False,
) -> Case:
    """A case of whole runs of a notebook."""
    ids = (f"{name}/{size}", f"{name}-wall/{size}")
    return Case(ids, OURS, partial(turn, text=text), warm_up=warm_up)


def _small(count: int) -> str:
    """Cells of small results, each on the one before."""
    cells = []
    for index in range(count):
        before = f"value_{index - 1}" if index else ""
        cells.append(
            f"\n\n@app.cell\ndef step_{index}({before}):\n"
            f"    value_{index} = [{before or 0}, {index}][-1:] * 20\n"
            f"    return (value_{index},)\n"
        )
    return _HEAD + "".join(cells) + _FOOT


def _frames(rows: int) -> str:
    """Cells that make a frame of four columns of numbers each."""
    cells = [
        "\n\n@app.cell\ndef imports():\n    import numpy\n    import pandas\n"
        "    return numpy, pandas\n"
    ]
    for index in range(_FRAMES):
        cells.append(
            f"\n\n@app.cell\ndef step_{index}(numpy, pandas):\n"
            f"    frame_{index} = pandas.DataFrame(\n"
            f"        numpy.random.default_rng({index}).random(({rows}, 4)),\n"
            '        columns=["a", "b", "c", "d"],\n'
            "    )\n"
            f"    return (frame_{index},)\n"
        )
    return _HEAD + "".join(cells) + _FOOT


def _functions(count: int) -> str:
    """Cells that each make a number by the same function of the notebook."""
    cells = [
        "\n\n@app.cell\ndef functions():\n"
        "    def scaled(number):\n        return number * 7\n\n"
        "    def step(number):\n        return scaled(number) + 1\n"
        "    return (step,)\n"
    ]
    for index in range(count):
        cells.append(
            f"\n\n@app.cell\ndef step_{index}(step):\n"
            f"    value_{index} = step({index})\n"
            f"    return (value_{index},)\n"
        )
    return _HEAD + "".join(cells) + _FOOT


def _list(length: int) -> str:
    """A cell that makes a list of numbers."""
    cell = f"    numbers = [number * 7 for number in range({length})]\n"
    head = "\n\n@app.cell\ndef numbers():\n"
    return f"{_HEAD}{head}{cell}    return (numbers,)\n{_FOOT}"


def _calls(count: int, helpers: str = "", answer: str = "20 * ") -> str:
    """A loop over prompts, as people ask language models, whose cell is not cached."""
    return (
        _APP
        + f"""

@app.cell
def ask():
    import marimo
    import pathlib
    import time
{helpers}
    @marimo.persistent_cache
    def ask(prompt):
        return {{"answer": {answer}(prompt), "tokens": len(prompt)}}

    return ask, pathlib, time


@app.cell
def loop(ask, pathlib, time):
    begun = time.perf_counter()
    for number in range({count}):
        ask(f"What is the meaning of {{number}}?")
    pathlib.Path("{_LOOP}").write_text(str(time.perf_counter() - begun))
"""
        + _FOOT
    )


def _loop_warm(folder: Path, text: str) -> Turn:
    warm = _warm(folder, text)

    def turn(subject: str, round: int) -> tuple[float]:
        warm(subject, round)
        return (_seconds_of_loop(folder / subject),)

    return turn


def _loop_cold(folder: Path, text: str) -> Turn:
    def turn(subject: str, round: int) -> tuple[float]:
        notebook = _notebook(folder, subject, text)
        # What the last one wrote must not be flushed in this one's turn.
        os.sync()
        run_notebook(notebook, subject)
        seconds = _seconds_of_loop(notebook.parent)
        shutil.rmtree(notebook.parent)
        return (seconds,)

    return turn


def _seconds_of_loop(folder: Path) -> float:
    return float((folder / _LOOP).read_text())


def _warm(folder: Path, text: str) -> Turn:
    for subject in OURS:
        run_notebook(_notebook(folder, subject, text), subject)

    def turn(subject: str, round: int) -> tuple[float, float]:
        run = run_notebook(folder / subject / "notebook.py", subject)
        return run.inside, run.wall

    return turn


def _cold(folder: Path, text: str) -> Turn:
    def turn(subject: str, round: int) -> tuple[float, float]:
        notebook = _notebook(folder, subject, text)
        # What the last one wrote must not be flushed in this one's turn.
        os.sync()
        run = run_notebook(notebook, subject)
        shutil.rmtree(notebook.parent)
        return run.committing, run.wall

    return turn


def _notebook(folder: Path, subject: str, text: str) -> Path:
    notebook = folder / subject / "notebook.py"
    notebook.parent.mkdir()
    notebook.write_text(text)
    return notebook


def run_notebook(notebook: Path, subject: str) -> Run:
    """Runs a notebook's cells with a subject's cache beside it."""
    return in_child(lambda: _run(notebook, subject))


def _run(notebook: Path, subject: str) -> Run:
    from marimo._cli.cli import main
    from marimo._session.managers import kernel

    os.chdir(notebook.parent)
    if subject == "cellar":
        _install(notebook.parent / "environment")
    times = notebook.with_suffix(".json")
    _Clock(times).attach()
    kernel.get_context = lambda _: multiprocessing.get_context("fork")  # type: ignore
    output = str(notebook.with_suffix(".html"))
    begun = perf_counter()
    main(
        ["export", "html", "--no-sandbox", "-f", "-o", output, notebook.name],
        standalone_mode=False,
    )
    wall = perf_counter() - begun
    inside, committing = json.loads(times.read_text())
    times.unlink()
    return Run(inside, committing, wall)


def _install(folder: Path) -> None:
    """Lets marimo find our entry point, as in an environment that has the package.

    The package itself is on the path already, as the source that it is.
    """
    info = folder / "marimo_cellar-0.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: marimo-cellar\nVersion: 0\n"
    )
    (info / "entry_points.txt").write_text(_ENTRY_POINTS)
    sys.path.append(str(folder))


class _Clock:
    """Takes the time that marimo's kernel spends in its loader and store.

    Both sides are wrapped at the same places, at the class that the kernel uses:
    what a loader calls of itself or of its store inside is counted once.
    """

    def __init__(self, times: Path) -> None:
        """`times` is the file that the kernel's process leaves its figures in."""
        self.inside = 0.0
        self.ended = 0.0
        self.committing = 0.0
        self._times = times
        self._thread: threading.Thread | None = None
        self._depth = 0
        self._loader: Any = None

    def attach(self) -> None:
        """Joins the kernel as Cellar does, and wraps what it then loads by."""
        from marimo._runtime.executor.lifecycles.cached import CachedLifecycle
        from marimo._runtime.runtime import _KERNEL_LIFESPAN_REGISTRY

        _KERNEL_LIFESPAN_REGISTRY.register("bench", self._join)
        begin: Any = CachedLifecycle.__init__

        @wraps(begin)
        def begun(lifecycle: Any, *args: Any, **kwargs: Any) -> None:
            begin(lifecycle, *args, **kwargs)
            self._follow(lifecycle._loader)

        setattr(CachedLifecycle, "__init__", begun)  # noqa: B010

    @asynccontextmanager
    async def _join(self, app: Any) -> AsyncIterator[None]:
        from marimo._runtime.context import get_context
        from marimo._runtime.runner.hooks import Priority

        hooks = get_context()._kernel._hooks  # type: ignore[attr-defined]
        hooks.add_on_finish(lambda _: self._wait(), Priority.EARLY)
        hooks.add_on_finish(lambda _: self._leave(), Priority.FINAL)
        yield

    def _follow(self, loader: Any) -> None:
        first = self._thread is None
        self._thread, self._loader = threading.current_thread(), loader
        if not first:
            return
        store = loader.store._inner
        for owner, names in (
            (type(loader), ("load_cache", "save_cache", "cache_hit", "flush")),
            (type(store), ("get", "put", "hit", "clear")),
        ):
            for name in names:
                setattr(owner, name, self._timed(getattr(owner, name)))
        save = type(loader).save_cache

        @wraps(save)
        def save_cache(self_: Any, cache: Any) -> Any:
            self.ended = perf_counter()
            return save(self_, cache)

        type(loader).save_cache = save_cache
        if type(loader).__module__.startswith("marimo_cellar"):
            from marimo_cellar import kernel

            # What a run's end writes down is ours to answer for.
            kernel._finish = self._timed(kernel._finish)

    def _wait(self) -> None:
        """At the end of a run, before anybody else: waits until all is committed."""
        # None where no cell is cached.
        if self._loader is not None:
            self._loader.flush()
            self.committing = perf_counter() - self.ended

    def _leave(self) -> None:
        """After everybody else: the kernel is killed soon."""
        self._times.write_text(json.dumps([self.inside, self.committing]))

    def _timed(self, work: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(work)
        def timed(*args: Any, **kwargs: Any) -> Any:
            if threading.current_thread() is not self._thread:
                return work(*args, **kwargs)
            begun = perf_counter()
            self._depth += 1
            try:
                return work(*args, **kwargs)
            finally:
                self._depth -= 1
                if self._depth == 0:
                    self.inside += perf_counter() - begun

        return timed
