"""Notebooks made up at random, and edits of them as people make."""

from __future__ import annotations

import random
import re
from copy import deepcopy
from dataclasses import dataclass, field
from textwrap import dedent, indent

from tests.resilience.kinds import KINDS

_IMPORTS = """
import marimo as mo
import asyncio, collections, dataclasses, enum, functools, threading
import numpy as np
import pandas as pd
import helper
from trace import ran, see
"""
_SETUP = "with app.setup:\n{}\n"
HELPER = "def value(x):\n    return x, 1\n"
# Which writes a line for all that ran, and for all that was seen.
TRACE = """
import json, os
def _write(*line):
    with open(os.environ["CELLAR_TEST_TRACE"], "a") as file:
        file.write(json.dumps(line) + chr(10))
def ran(name):
    _write("ran", name)
def see(name, *values):
    _write("seen", name, repr(values))
"""
_HEADER = """\
# /// script
# [tool.marimo.runtime]
# cache_cells = {cached}
# ///
import marimo

__generated_with = "0.24.0"
app = marimo.App()
"""


@dataclass
class Cell:
    kind: str
    variable: str
    code: str
    # What it defines is made of this one's, if its kind needs another.
    of: str
    name: str = "_"


@dataclass
class Notebook:
    """A notebook, with modules beside it: `HELPER`, and `TRACE` as `trace`."""

    chance: random.Random
    # Whether what it imports stands in marimo's cell of that name.
    has_setup: bool = False
    cells: list[Cell] = field(default_factory=list)
    made: int = 0
    before: list[Cell] = field(default_factory=list)

    def add(self) -> None:
        """A cell more at its end, of a kind for which all is there."""
        known = {cell.kind for cell in self.cells}
        name = self.chance.choice(
            [name for name, kind in KINDS.items() if kind.needs in {"", *known}]
        )
        kind = KINDS[name]
        self.made += 1
        variable = f"v{self.made}"
        of = self._one([kind.needs])
        code = dedent(kind.code).strip().format(
            v=variable,
            n=self._number(),
            dep=self._one([k for k in KINDS if KINDS[k].seen and KINDS[k].handed_on]),
            of=of,
        )  # fmt: skip
        if not kind.on_top:
            code = f"ran({variable!r})\n{code}"
        self.cells.append(Cell(name, variable, code, of))

    def edit(self) -> None:
        """Changes it once; what does not come about, because there is nothing to do it
        to, changes nothing."""
        before = deepcopy(self.cells)
        self.chance.choice(
            [
                *(self._retype, self._retype, self._retype, self._comment),
                *(self._name, self._shuffle, self._remove, self.add, self._go_back),
            ]
        )()
        self.before = before

    def text(self, cached: bool) -> str:
        """The file: its cells, each followed by one that sees what it defines. That one
        makes a control, so that it runs each time."""
        names = sorted(
            {name for cell in self.cells for name in KINDS[cell.kind].imports}
        )
        imports = "\n".join([_IMPORTS.strip(), *(f"import {name}" for name in names)])
        parts = [
            _HEADER.format(cached=str(cached).lower()),
            _SETUP.format(indent(imports, "    "))
            if self.has_setup
            else _cell("_", imports),
        ]
        parts += [
            _on_top(cell.code)
            # marimo writes so what needs no more than that cell.
            if self.has_setup and KINDS[cell.kind].on_top
            else _cell(cell.name, cell.code)
            for cell in self.cells
        ]
        for cell in self.cells:
            if seen := KINDS[cell.kind].seen.format(v=cell.variable, of=cell.of):
                see = f"see({cell.variable!r}, {seen})"
                parts.append(
                    _cell("_", f"seen_{cell.variable} = mo.ui.switch()\n{see}")
                )
        return "\n\n".join(parts)

    def _number(self) -> int:
        return self.chance.randrange(100)

    def _one(self, kinds: list[str]) -> str:
        found = [cell.variable for cell in self.cells if cell.kind in kinds]
        return self.chance.choice(found) if found else "()"

    def _retype(self) -> None:
        cell = self.chance.choice(self.cells)
        numbers = list(re.finditer(r"(?<![\w.])\d+(?!\w)", cell.code))
        if numbers:
            start, end = self.chance.choice(numbers).span()
            cell.code = f"{cell.code[:start]}{self._number()}{cell.code[end:]}"

    def _comment(self) -> None:
        self.chance.choice(self.cells).code += f"\n# {self._number()}"

    def _name(self) -> None:
        self.chance.choice(self.cells).name = f"named_{self.made}_{self._number()}"

    def _shuffle(self) -> None:
        self.chance.shuffle(self.cells)

    def _remove(self) -> None:
        if len(self.cells) > 3:
            self.cells.remove(self.chance.choice(self.cells))

    def _go_back(self) -> None:
        self.cells = deepcopy(self.before or self.cells)


def make_up(seed: int) -> Notebook:
    """A notebook of some cells; the same for the same seed."""
    chance = random.Random(seed)
    notebook = Notebook(chance, has_setup=chance.random() < 0.3)
    for _ in range(chance.randrange(6, 14)):
        notebook.add()
    return notebook


def _cell(name: str, code: str) -> str:
    kind = "async def" if "await " in code else "def"
    return f"@app.cell\n{kind} {name}():\n{indent(code.strip(), '    ')}\n    return\n"


def _on_top(code: str) -> str:
    kind = "class_definition" if code.startswith("class") else "function"
    return f"@app.{kind}\n{code.strip()}\n"
