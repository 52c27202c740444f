"""Functions that were edited within: whoever calls them is told so, and nobody fails."""

from __future__ import annotations

import functools
import inspect
import re
from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace
from typing import Any

import pytest
from marimo._save.stubs import FunctionStub

from marimo_cellar._marimo.privates import give_source, name_privates
from tests.conftest import Write, ran
from tests.kernels import export

_CACHED = "@mo.persistent_cache\ndef "
# Each defines `x_called` in its last cell. N is edited; x is another name for each.
_WITHIN = {
    "function_of_another_cell": ("def x(a): return a + N", "def x_g(a): return x(a)"),
    "of_a_third": (
        "def x(a): return a + N",
        "def x_f(a): return x(a)",
        "def x_g(a): return x_f(a)",
    ),
    "of_its_own_cell": ("def x(a): return a + N\ndef x_g(a): return x(a)",),
    "private": ("def _x(a): return a + N\ndef x_g(a): return _x(a)",),
    "private_value": ("_x = N\ndef x_g(a): return a + _x",),
    "default": ("def x_g(a, b=N): return a + b",),
    "keyword": ("def x_g(a, *, b=[N]): return a + b[0]",),
    "closure": (
        "def x(n):\n    def made(a): return a + n\n    return made",
        "x_g = x(N)",
    ),
    "decorator": (
        "def x(n):\n"
        "    def by(f):\n"
        "        @functools.wraps(f)\n"
        "        def made(a): return f(a) + n\n"
        "        return made\n"
        "    return by",
        "@x(N)\ndef x_g(a): return a",
    ),
    "decorated_cached": (
        "def x(f):\n"
        "    @functools.wraps(f)\n"
        "    def made(a): return f(a)\n"
        "    return made",
        f"@x\n{_CACHED}x_g(a): return a + N",
    ),
    "chosen_by_type": (
        "@functools.singledispatch\ndef x(a): return a\n"
        "@x.register\ndef _(a: int): return a + N",
        "def x_g(a): return x(a)",
    ),
    "cached": (f"{_CACHED}x_g(a): return a + N",),
    "cached_that_calls": ("def x(a): return a + N", f"{_CACHED}x_g(a): return x(a)"),
    "cached_default": (f"{_CACHED}x_g(a, b=N): return a + b",),
    "cached_of_a_class": (f"class x:\n    n = N\n{_CACHED}x_g(a): return a + x.n",),
    "cached_of_a_variable": (
        "x = N",
        f"{_CACHED}x_f(a): return a + x\n{_CACHED}x_g(a): return x_f(a)",
    ),
    "cached_itself": (
        "x = N",
        f"{_CACHED}x_g(a): return x if a < 1 else x_g(a - 1) + 1",
    ),
    "cached_by_turns": (
        "x = N",
        f"{_CACHED}x_f(a): return x if a < 1 else x_g(a - 1) + 1\n"
        f"{_CACHED}x_g(a): return x_f(a)",
    ),
    "cached_of_state": (
        "x, x_set = mo.state(N)",
        f"{_CACHED}x_f(a): return a + x()\n{_CACHED}x_g(a): return x_f(a)",
    ),
    "default_list": (
        f"def x(a): return a + N\n{_CACHED}x_g(a, fs=[x]): return fs[0](a)",
    ),
    "table_within": (
        "def x(a): return a + N\nx_t = [('a', x)]\n"
        f"def x_h(a): return x_t[0][1](a)\n{_CACHED}x_g(a): return x_h(a)",
    ),
    "lambda_within": (
        "x_t = {'a': lambda a: a + N}\n"
        f"def x_h(a): return x_t['a'](a)\n{_CACHED}x_g(a): return x_h(a)",
    ),
    "object_within": (
        "class x:\n    def m(self, a): return a + N\nx_t = {'k': [x()]}\n"
        f"def x_h(a): return x_t['k'][0].m(a)\n{_CACHED}x_g(a): return x_h(a)",
    ),
    "transformer_within": (
        "def x(a): return a + N\nx_t = preprocessing.FunctionTransformer(x)\n"
        f"def x_h(a): return x_t.transform(a)\n{_CACHED}x_g(a): return x_h(a)",
    ),
    "given": (
        "x = N",
        f"def x_f(a): return a + x\n{_CACHED}x_h(f, a): return f(a)",
        "def x_g(a): return x_h(x_f, a)",
    ),
    "method_given": (
        "class x:\n    @mo.persistent_cache\n    def m(self, a): return a + N",
        f"{_CACHED}x_h(f, a): return f(a)",
        "def x_g(a): return x_h(x().m, a)",
    ),
    "method_of_an_argument": (
        "class x:\n    def m(self, a): return a + N",
        f"{_CACHED}x_h(o, a): return o.m(a)",
        "def x_g(a): return x_h(x(), a)",
    ),
    "method_called_by_a_cached_one": (
        "class x:\n"
        "    def m(self, a): return a + N\n"
        "    @mo.persistent_cache\n"
        "    def n(self, a): return self.m(a)",
        "def x_g(a): return x().n(a)",
    ),
    "class_of_an_argument": (
        "class x:\n    n = N",
        "class x_c(x): pass",
        f"{_CACHED}x_h(o, a): return o['k'].n + a",
        "def x_g(a): return x_h({'k': x_c()}, a)",
    ),
    "functions_given": (
        "def x(a): return a + N",
        f"{_CACHED}x_h(f, a): return f[0](a)",
        "def x_g(a): return x_h([x], a)",
    ),
    "cached_within": (
        "def x(n):\n"
        "    @mo.persistent_cache\n"
        "    def made(a): return a + n\n"
        "    return made",
        "x_g = x(N)",
    ),
}


def edited(write: Write, number: int, cached: bool = True) -> Path:
    cells = {"imports": "import functools\nfrom sklearn import preprocessing"}
    for name, parts in _WITHIN.items():
        parts = (*parts, f"ran('{name}')\nx_called = x_g(1)")
        for at, part in enumerate(parts):
            code = re.sub(r"\bx(?=\b|_)", f"v_{name}", part)
            code = re.sub(r"(?<![a-z])_x\b", f"_v_{name}", code)
            cells[f"{name}_{at}"] = re.sub(r"\bN\b", str(number), code)
        cells[f"see_{name}"] = (
            f"s_{name} = mo.ui.switch()\nran(f'see {name} {{v_{name}_called}}')"
        )
    return write("within.py", cached=cached, **cells)


def seen(notebook: Path) -> tuple[dict[str, int], list[str]]:
    """What each came to, and which cells ran for it."""
    lines = ran(notebook)
    told = [line.split() for line in lines if line.startswith("see ")]
    others = [line for line in lines if not line.startswith("see ")]
    return {name: int(value) for _, name, value in told}, others


def test_whoever_calls_a_function_depends_on_all_that_it_does(
    write: Write, env: dict[str, str]
) -> None:
    all_of_them = sorted(_WITHIN)
    for number, expected in ((1, all_of_them), (1, []), (5, all_of_them), (1, [])):
        notebook = edited(write, number)
        run = export(notebook, env)
        found, cells = seen(notebook)
        assert found == dict.fromkeys(_WITHIN, number + 1), run.printed
        assert sorted(cells) == expected
        assert run.warned == []


_USED = {
    "private_value": "_a = 2\ndef private_value(x): return x * _a",
    "private_function": "def _b(x): return x * 2\ndef private_function(x): return _b(x)",
    "private_class": """
        _c = 2
        class Kind:
            def by(self, x):
                return x * _c
        def private_class(x):
            return Kind().by(x)
    """,
    # Which cannot be saved.
    "private_lock": """
        _d = threading.Lock()
        def private_lock(x):
            with _d:
                return x * 2
    """,
    "closure": """
        def _make(n):
            def made(x):
                return x * n
            return made
        closure_made = _make(2)
    """,
    "by_closure": "def by_closure(x): return closure_made(x)",
    "factory": """
        def factory(n):
            @mo.persistent_cache
            def made(x):
                return x * n
            return made
    """,
    "of_factory": "def of_factory(x): return factory(2)(x)",
}


def test_a_function_that_comes_from_the_cache_does_what_it_did(
    write: Write, env: dict[str, str]
) -> None:
    called = [name for name in _USED if name not in ("closure", "factory")]

    def edited(number: int) -> Path:
        return write(
            "used.py",
            imports="import threading",
            **{name: f"ran('{name}')\n{dedent(code)}" for name, code in _USED.items()},
            **{
                f"call_{name}": f"ran(f'{name} is {{{name}({number})}}')"
                for name in called
            },
        )

    for number in (1, 2):
        notebook = edited(number)
        run = export(notebook, env)
        found = {line for line in ran(notebook) if " is " in line}
        assert found == {f"{name} is {2 * number}" for name in called}, run.printed


def test_what_a_value_was_made_of_is_not_made_again_for_whoever_uses_it(
    write: Write, env: dict[str, str]
) -> None:
    notebook = write(
        "made_of.py",
        # Which cannot be saved.
        made="import threading; ran('made'); made = threading.Lock()",
        of_it="ran('of_it'); of_it = [type(made).__name__]",
        seen="s = mo.ui.switch(); ran(f'{of_it}')",
    )
    for expected in (["made", "of_it", "['lock']"], ["['lock']"]):
        export(notebook, env)
        assert ran(notebook) == expected


@pytest.mark.parametrize("filename", [__file__, "/no/such/file.py", "<string>"])
def test_the_source_of_what_a_restored_function_makes_is_its_own(filename: str) -> None:
    for number in (1, 2):
        code = (
            f"def make():\n    def made():\n        return {number}\n    return made\n"
        )
        stub = FunctionStub.from_dump((code, filename, 7, False))
        give_source(stub)
        made = stub.load({})()
        assert inspect.getsource(made) == f"    def made():\n        return {number}\n"


def test_a_private_name_is_told_from_an_attribute_and_a_local_one() -> None:
    scope: dict[str, object] = {"_cell_a_x": 1, "_cell_a_y": 2}
    code = """
class Kind:
    _y = 10
    def of(self, _z=3):
        def deeper():
            return _x
        return deeper(), self._y, _z
"""
    exec(code, scope)
    kind: Any = scope["Kind"]
    names = [("_x", "_cell_a_x"), ("_y", "_cell_a_y"), ("_z", "_cell_a_z")]
    name_privates(kind, names, scope)
    assert kind().of() == (1, 10, 3)


def test_a_private_name_may_be_a_text_and_an_attribute_as_well() -> None:
    scope: dict[str, Any] = {"_cell_a_x": lambda: 1, "_cell_a_y": 2}
    code = """
def text():
    return {"_x": _x()}

def attribute(it):
    it._y = it._x() + _x() + _y
    return it._y, _y, _x()

def stored():
    global _y
    _y = 3
    return "_y"
"""
    exec(code, scope)
    for name in ("text", "attribute", "stored"):
        name_privates(scope[name], [("_x", "_cell_a_x"), ("_y", "_cell_a_y")], scope)
    assert scope["text"]() == {"_x": 1}
    assert scope["attribute"](SimpleNamespace(_x=lambda: 10)) == (13, 2, 1)
    assert scope["stored"]() == "_y" and scope["_cell_a_y"] == 3
    assert not {"_x", "_y"} & scope.keys()


@pytest.mark.parametrize("before", [0, 100, 127, 128, 200, 300])
@pytest.mark.parametrize("after", [0, 27, 28, 200])
def test_among_many_names_a_private_one_is_right_or_refused(
    before: int, after: int
) -> None:
    def uses(start: int, end: int) -> str:
        return "".join(f"    it.name_{number}\n" for number in range(start, end))

    scope: dict[str, Any] = {"_cell_a_x": 1}
    code = f"def many(it):\n{uses(0, before)}    found = it._x, _x\n"
    exec(f"{code}{uses(before, before + after)}    return found", scope)
    it = SimpleNamespace(**{f"name_{number}": 0 for number in range(600)}, _x=10)
    try:
        name_privates(scope["many"], [("_x", "_cell_a_x")], scope)
    except ValueError:
        assert before + after > 100
        return
    assert scope["many"](it) == (10, 1)


def test_private_names_are_found_in_what_wraps_a_function_and_nowhere_else() -> None:
    scope: dict[str, Any] = {"_cell_a_x": 1, "functools": functools}
    code = """
@functools.lru_cache
def remembering():
    return _x

class Kind:
    # As a method, it would be bound to its object from Python 3.14 on.
    parts = staticmethod(functools.partial(lambda more: _x + more, 1))

    @functools.cached_property
    def once(self):
        return _x

    @functools.lru_cache
    def remembering(self):
        return _x

    class Within:
        def of(self):
            return _x

    def whole(self):
        return [self.once, self.remembering(), self.Within().of(), self.parts()]
"""
    exec(code, scope)
    others: dict[str, Any] = {"_x": "another module's"}
    exec("def other():\n    return _x", others)
    scope["Kind"].other = staticmethod(others["other"])
    for name in ("remembering", "Kind"):
        name_privates(scope[name], [("_x", "_cell_a_x")], scope)
    assert scope["remembering"]() == 1
    assert scope["Kind"]().whole() == [1, 1, 1, 2]
    assert scope["Kind"].other() == "another module's"
