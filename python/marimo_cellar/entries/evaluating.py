"""What expressions come to that make texts and paths, without running anything."""

from __future__ import annotations

import ast
import os
import pathlib
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from marimo_cellar.notebook.parsing import name_of

# In the place of what nobody knows without running it. No path has it.
UNKNOWN = "\0"
# Exactly these: what derives from one may do anything when it is asked.
PATHS = frozenset(
    {
        *(pathlib.PosixPath, pathlib.WindowsPath),
        *(pathlib.PurePosixPath, pathlib.PureWindowsPath),
    }
)
_TEXTS = PATHS | {str}
_CONTAINERS = frozenset({dict, list, tuple})
# Of a container, items that are looked at for one that is a text.
_FIRST = 8
# Functions and methods that come to a folder, to the same path, or to one of several parts.
FOLDERS = frozenset({"notebook_dir", "notebook_location"})
_SAME = frozenset({"absolute", "as_posix", "expanduser", "resolve"})
_JOINING = frozenset({"Path", "PurePath", "str", "fspath", "join", "joinpath"})
CALLED = FOLDERS | _SAME | _JOINING


class Known:
    """What is known of variables, by their names, and the texts that expressions come to
    with it. `folder` is the notebook's."""

    def __init__(self, values: dict[str, Any], folder: str) -> None:
        self._values = values
        self._folder = folder

    def has_any(self, names: Iterable[str]) -> bool:
        """Whether one of them stands for a text, or for what texts are in."""
        return any(has_text(self._values.get(name)) for name in names)

    def assign(self, node: ast.Assign | ast.AnnAssign, text: str) -> None:
        """Keeps what a function's own variable holds, which is none of the notebook's."""
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            if isinstance(target, ast.Name):
                self._values.setdefault(target.id, text)

    def text(self, node: ast.expr) -> str | None:
        """What an expression comes to, a path as its text; None where that is not known,
        or none."""
        match node:
            case ast.Constant(value=str(value)):
                return value
            case ast.Name() | ast.Subscript():
                return text_of(self._value(node))
            case ast.JoinedStr():
                text, unknown = self.joined(node)
                return None if unknown else text
            case ast.Attribute(value=of, attr="parent"):
                inner = self.text(of)
                return None if inner is None else os.path.dirname(inner)
            case ast.BinOp(left=left, op=ast.Div() | ast.Add() as op, right=right):
                both = self._all([left, right])
                if both is None:
                    return None
                return os.path.join(*both) if isinstance(op, ast.Div) else "".join(both)
            case ast.Call(func=func, args=args, keywords=[]):
                return self._called(func, args)
        return None

    def _called(self, func: ast.expr, args: list[ast.expr]) -> str | None:
        """What a function comes to that makes a path, or another one of it."""
        name = name_of(func)
        of = func.value if isinstance(func, ast.Attribute) else None
        if name in FOLDERS and not args:
            return self._folder
        if name in _SAME and not args and of is not None:
            inner = self.text(of)
            return None if inner is None else os.path.expanduser(inner)
        if name == "joinpath" and of is not None:
            args = [of, *args]
        elif name not in _JOINING or (
            name == "join" and (of is None or name_of(of) != "path")
        ):
            return None
        parts = self._all(args)
        return os.path.join(*parts) if parts else None

    def _all(self, nodes: Sequence[ast.expr]) -> list[str] | None:
        texts = [text for node in nodes if (text := self.text(node)) is not None]
        return texts if len(texts) == len(nodes) else None

    def joined(self, node: ast.JoinedStr) -> tuple[str, list[ast.expr]]:
        """An f-string, with `UNKNOWN` for what is not known, which is given besides."""
        text, unknown = "", list[ast.expr]()
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                found = self.text(part.value)
                if found is None and type(number := self._value(part.value)) is int:
                    found = str(number)
                if found is None or part.format_spec is not None:
                    unknown.append(part.value)
                    found = UNKNOWN
                text += found
            elif isinstance(part, ast.Constant):
                text += str(part.value)
        return text, unknown

    def _value(self, node: ast.expr) -> object:
        """What a variable holds, or an item of one that is a plain list or dict."""
        if isinstance(node, ast.Name):
            return self._values.get(node.id)
        if isinstance(node, ast.Subscript):
            of = self._value(node.value)
            at = (
                node.slice.value
                if isinstance(node.slice, ast.Constant)
                else self._value(node.slice)
            )
            if type(of) is dict and type(at) in (str, int):
                return of.get(at)
            if type(of) in (list, tuple) and type(at) is int:
                items: Any = of
                return items[at] if -len(items) <= at < len(items) else None
        return None


def text_of(value: object) -> str | None:
    """A text, or a path's; None of anything else."""
    if type(value) is str:
        return value
    return str(value) if type(value) in PATHS else None


def has_text(value: object) -> bool:
    """Whether it is a text or a path, or may have one among its first items."""
    if type(value) in _CONTAINERS:
        items: Any = value.values() if type(value) is dict else value
        return any(
            type(item) in _TEXTS or type(item) in _CONTAINERS
            for item in islice(items, _FIRST)
        )
    return type(value) in _TEXTS
