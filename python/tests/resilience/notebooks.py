"""Notebooks made up at random, and edits of them as people make."""

from __future__ import annotations

import random
import re
from copy import deepcopy
from dataclasses import dataclass, field
from textwrap import dedent, indent


@dataclass(frozen=True)
class Kind:
    """What a cell does: `v` is the variable that it defines, `n` a number, `dep` a value
    of a cell above, and `of` one that a cell of the kind `needs` defines.

    `seen` is what another cell sees of it, and empty for what defines nothing. A value
    is `handed on` where its text is the same in each run.
    """

    code: str
    seen: str = "type({v}).__name__, {v}"
    needs: str = ""
    handed_on: bool = True


def _made_by(code: str, seen: str = "{v}(1)", needs: str = "") -> Kind:
    return Kind(code, seen, needs, handed_on=False)


def _persistent(method: str) -> Kind:
    return _made_by(f"""
        @mo.persistent_cache(method="{method}")
        def {{v}}(x):
            ran("{{v}} called")
            return [x, {{n}}, (x, {{n}})]
    """)


def _block(method: str) -> Kind:
    return Kind(f"""
        with mo.persistent_cache("block {{v}}", method="{method}"):
            ran("{{v}} in its block")
            {{v}} = [{{n}}, str({{dep}})]
    """)


KINDS = {
    "number": Kind("{v} = {n} + len(repr({dep}))"),
    "text": Kind("{v} = 'é\\u2028' * ({n} % 4) + repr({dep})"),
    "list": Kind("{v} = [{n}, {dep}, None]"),
    "dictionary": Kind("{v} = {{'a': {n}, 'b': {dep}, 3: float('inf')}}"),
    "set": Kind("{v} = {{{n}, (1, {n})}}", "sorted(map(repr, {v}))", handed_on=False),
    "several": Kind("{v}, {v}_b, *{v}_c = {n}, 'b', {dep}, 1", "{v}, {v}_b, {v}_c"),
    "filled": Kind("{v} = []\nfor _i in range({n} % 5):\n    {v}.append((_i, {dep}))"),
    "array": Kind("{v} = np.arange({n} % 9 + 1) * {n}"),
    "frame": Kind("{v} = pd.DataFrame({{'a': [{n}, 2], 'b': ['x', '{n}']}})"),
    "series": Kind("{v} = pd.Series([[{n}], None])"),
    "named tuple": Kind(
        "{v}_of = collections.namedtuple('{v}_of', 'p q')\n{v} = {v}_of({n}, {dep})"
    ),
    "counter": Kind("{v} = collections.Counter(repr({dep}) + '{n}')"),
    "alias": Kind("{v} = {dep}"),
    "itself": Kind("{v} = [{n}]\n{v}.append({v})"),
    "own names": Kind("_p = {n}\ndef _q():\n    return _p, {dep}\n{v} = _q()"),
    "of a module": Kind("{v} = helper.value({n})"),
    "awaited": Kind("await asyncio.sleep(0)\n{v} = {n}, {dep}"),
    "stopped": Kind("mo.stop({n} % 3 == 0)\n{v} = {n}, {dep}"),
    "failing": Kind("{v} = {n} // ({n} % 3)"),
    "function": _made_by("def {v}(x, y={n}):\n    return x, y, {n}"),
    "closure": _made_by("""
        def _make(n):
            def made(x):
                return x, n
            return made
        {v} = _make({n})
    """),
    "lambda": _made_by("{v} = lambda x: (x, {n})"),
    "partial": _made_by("{v} = functools.partial(max, {n})"),
    "decorated": _made_by("""
        def _twice(function):
            @functools.wraps(function)
            def twice(x):
                return function(x), function(x)
            return twice

        @_twice
        def {v}(x):
            return x, {n}
    """),
    "remembering": _made_by("""
        @functools.lru_cache
        def {v}(x):
            return x + {n}
    """),
    "called": Kind("{v} = {of}({n}), {dep}", needs="function"),
    "closure called": Kind("{v} = {of}({n}), {dep}", needs="closure"),
    "decorated called": Kind("{v} = {of}({n}), {dep}", needs="decorated"),
    "class": _made_by(
        """
        @dataclasses.dataclass
        class {v}:
            a: object = {n}

            def total(self):
                return self.a, {n}
        """,
        "{v}(1), {v}().total(), {v}(1) == {v}(1)",
    ),
    "instance": Kind("{v} = {of}({dep})", "{v}, {v}.total()", needs="class"),
    "enum": _made_by("class {v}(enum.Enum):\n    A = {n}\n    B = 'b'", "list({v})"),
    "members": Kind("{v} = [{of}.A, {{{of}.B: {n}}}]", needs="enum"),
    "lock": _made_by(
        "{v} = threading.Lock()\n{v}_n = {n}", "type({v}).__name__, {v}_n"
    ),
    "locked": Kind("with {of}:\n    {v} = {of}_n, {n}", needs="lock"),
    "generator": _made_by("{v} = (x for x in range({n} % 5))", "type({v}).__name__"),
    "slider": _made_by("{v} = mo.ui.slider(0, 1000, value={n})", "{v}.value"),
    "slid": Kind("{v} = {of}.value, {n}", needs="slider"),
    "state": _made_by("{v}, {v}_set = mo.state({n})", "{v}()"),
    "cached pickle": _persistent("pickle"),
    "cached lazy": _persistent("lazy"),
    "pickle called": Kind("{v} = [{of}({n} % 3), {of}('t')]", needs="cached pickle"),
    "lazy called": Kind("{v} = [{of}({n} % 3), {of}('t')]", needs="cached lazy"),
    "block pickle": _block("pickle"),
    "block json": _block("json"),
    "block lazy": _block("lazy"),
    "printed": Kind("print('hello', {n}, {dep})", ""),
    "written": Kind("mo.md(f'{n} {{{dep}}}')", ""),
    "stacked": Kind("mo.hstack([mo.md('a'), {n}])", ""),
}

_IMPORTS = """
import marimo as mo
import asyncio, collections, dataclasses, enum, functools, threading
import numpy as np
import pandas as pd
import helper
from trace import ran, see
"""
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
    name: str = "_"


@dataclass
class Notebook:
    """A notebook, with modules beside it: `HELPER`, and `TRACE` as `trace`."""

    chance: random.Random
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
        code = dedent(kind.code).strip().format(
            v=variable,
            n=self._number(),
            dep=self._one([k for k in KINDS if KINDS[k].seen and KINDS[k].handed_on]),
            of=self._one([kind.needs]),
        )  # fmt: skip
        self.cells.append(Cell(name, variable, f"ran({variable!r})\n{code}"))

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
        parts = [_HEADER.format(cached=str(cached).lower()), _cell("_", _IMPORTS)]
        parts += [_cell(cell.name, cell.code) for cell in self.cells]
        for cell in self.cells:
            if seen := KINDS[cell.kind].seen.format(v=cell.variable):
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
    notebook = Notebook(chance)
    for _ in range(chance.randrange(6, 14)):
        notebook.add()
    return notebook


def _cell(name: str, code: str) -> str:
    kind = "async def" if "await " in code else "def"
    return f"@app.cell\n{kind} {name}():\n{indent(code.strip(), '    ')}\n    return\n"
