"""Which files a cell names, for readers that nobody sees at work: polars, pyarrow and
DuckDB open files without Python.

What its code says is worked out without running anything: from literals, SQL among them,
from variables and arguments that hold texts or paths, and from what joins these. The
functions of the notebook that it uses count as well; what only hands a path on, or is
written to, does not.
"""

from __future__ import annotations

import ast
import os
import pathlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from msgspec import Struct

from marimo_cellar.notebook.notebook import Cell
from marimo_cellar.notebook.parsing import tree_of

# What stands for names in the code of a cell of that kernel id.
Values: TypeAlias = "Callable[[str, Iterable[str]], Mapping[str, Any]]"

_LONGEST_PATH = 260
# Characters of a text in which quoted names are looked for, as in SQL.
_LONGEST_QUERY = 20_000
# Pieces of code, and items of one list that a function is called with.
_MOST = 100
# In the place of what nobody knows without running it. No path has it.
_UNKNOWN = "\0"
_QUOTED = re.compile(r"'([^'\n]+)'|\"([^\"\n]+)\"")
_EXTENSION = re.compile(r"\.[^\s'\"]+$")
_WRITING = re.compile(
    r"^((write|sink|to|save|dump|export)(_.*)?|savefig|unlink|remove|rmtree|touch|mkdir)$"
)
# Exactly these: what derives from one may do anything when it is asked.
_PATHS = frozenset(
    {
        *(pathlib.PosixPath, pathlib.WindowsPath),
        *(pathlib.PurePosixPath, pathlib.PureWindowsPath),
    }
)
_FOLDERS = frozenset({"notebook_dir", "notebook_location"})
_SAME = frozenset({"absolute", "as_posix", "expanduser", "resolve"})


def named_by(
    cell: Cell | None,
    function: str | None,
    arguments: Mapping[str, object],
    values: Values,
    folder: str,
) -> Iterator[str]:
    """What may be paths of files, relative ones and patterns such as `data/*.csv` too, as
    far as they are known when a cell has run, or a cached function of it was called.

    `folder` is the notebook's.
    """
    for value in arguments.values():
        yield from _paths_of(value)
    if cell is None:
        return
    cells = cell.graph.by_name
    left = [(cell.kernel_id, cell.code, function)]
    seen = set(left)
    while left and len(seen) <= _MOST:
        kernel_id, code, of = left.pop()
        piece = _piece(code, of)
        if piece is None:
            if of is None or of != function:
                continue
            # A method, or a function within another.
            piece = _piece(code, "")
        if piece is None:
            continue
        known = dict(values(kernel_id, piece.names))
        if of is not None and of == function:
            known |= arguments
        texts = _Texts(known, folder)
        for node in piece.nodes:
            for text in texts.within(node):
                yield from _paths_in(text)
        for name in piece.names:
            definer = cells.get(name)
            if definer is not None:
                further = (definer.kernel_id, definer.code, name)
                if further not in seen:
                    seen.add(further)
                    left.append(further)


class _Piece(Struct, frozen=True):
    """Code that runs, and the names that it uses."""

    nodes: tuple[ast.AST, ...]
    names: frozenset[str]


@lru_cache(maxsize=512)
def _piece(code: str, of: str | None) -> _Piece | None:
    """What a cell runs itself, a function or class of that name at its top; of "" all that
    it has. None where there is none."""
    tree = tree_of(code)
    if tree is None:
        return None
    if of is None:
        nodes = [
            part
            for node in tree.body
            for part in (_now(node) if isinstance(node, _DEFINING) else [node])
        ]
    else:
        nodes = [
            node
            for node in tree.body
            if not of or (isinstance(node, _DEFINING) and node.name == of)
        ]
    if not nodes:
        return None
    names = {
        node.id
        for root in nodes
        for node in ast.walk(root)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }
    return _Piece(tuple(nodes), frozenset(names))


_DEFINING = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def _now(node: ast.stmt) -> list[ast.AST]:
    """What of a definition runs when it is made."""
    if isinstance(node, ast.ClassDef):
        within = [
            part
            for one in node.body
            for part in (_now(one) if isinstance(one, _DEFINING) else [one])
        ]
        return [*node.decorator_list, *node.bases, *within]
    assert isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    defaults = (*node.args.defaults, *node.args.kw_defaults)
    return [*node.decorator_list, *(one for one in defaults if one is not None)]


class _Texts:
    """The texts that expressions come to, with what is known of variables."""

    def __init__(self, values: dict[str, Any], folder: str) -> None:
        self._values = values
        self._folder = folder

    def within(self, node: ast.AST) -> Iterator[str]:
        """Of the largest expressions of which one is known. What is not known of a text
        has a character in its place that no path has."""
        if isinstance(node, ast.JoinedStr):
            text, unknown = self._joined(node)
            yield text
            for value in unknown:
                yield from self.within(value)
            return
        if isinstance(node, ast.expr):
            text_of_all = self.text(node)
            if text_of_all is not None:
                yield text_of_all
                return
        for child in self._children(node):
            yield from self.within(child)

    def _children(self, node: ast.AST) -> Iterable[ast.AST]:
        if isinstance(node, ast.Call) and _WRITING.match(_name(node.func)):
            return [node.func]
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            text = self.text(node.value)
            if text is not None:
                # Whoever uses the variable names the file.
                self._assign(node, text)
                return []
        return ast.iter_child_nodes(node)

    def _assign(self, node: ast.Assign | ast.AnnAssign, text: str) -> None:
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
                return _text_of(self._value(node))
            case ast.JoinedStr():
                text, unknown = self._joined(node)
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
        name = _name(func)
        of = func.value if isinstance(func, ast.Attribute) else None
        if name in _FOLDERS and not args:
            return self._folder
        if name in _SAME and not args and of is not None:
            inner = self.text(of)
            return None if inner is None else os.path.expanduser(inner)
        if name == "joinpath" and of is not None:
            args = [of, *args]
        elif not (
            name in ("Path", "PurePath", "str", "fspath")
            or (name == "join" and of is not None and _name(of) == "path")
        ):
            return None
        parts = self._all(args)
        return os.path.join(*parts) if parts else None

    def _all(self, nodes: Sequence[ast.expr]) -> list[str] | None:
        texts = [text for node in nodes if (text := self.text(node)) is not None]
        return texts if len(texts) == len(nodes) else None

    def _joined(self, node: ast.JoinedStr) -> tuple[str, list[ast.expr]]:
        """An f-string, and what is not known of it."""
        text, unknown = "", list[ast.expr]()
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                found = self.text(part.value)
                if found is None and type(number := self._value(part.value)) is int:
                    found = str(number)
                if found is None or part.format_spec is not None:
                    unknown.append(part.value)
                    found = _UNKNOWN
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


def _name(node: ast.expr) -> str:
    """`read_csv` of `pl.read_csv`."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _text_of(value: object) -> str | None:
    if type(value) is str:
        return value
    return str(value) if type(value) in _PATHS else None


def _paths_of(value: object) -> Iterator[str]:
    text = _text_of(value)
    if text is not None:
        yield from _paths_in(text)
    elif type(value) in (list, tuple):
        items: Any = value
        for item in items[:_MOST]:
            text = _text_of(item)
            if text is not None:
                yield from _paths_in(text)


def _paths_in(text: str) -> Iterator[str]:
    """A text that may be a path itself, and what is quoted in it, as in SQL."""
    if _may_be_path(text):
        yield text
    if len(text) <= _LONGEST_QUERY and ("'" in text or '"' in text):
        for match in _QUOTED.finditer(text):
            quoted = match[1] or match[2]
            if _may_be_path(quoted):
                yield quoted


def _may_be_path(text: str) -> bool:
    # A word alone names a folder or a column more often than a file.
    return (
        len(text) <= _LONGEST_PATH
        and _EXTENSION.match(os.path.splitext(text)[1]) is not None
        and not any(char in text for char in ("\n", "\r", _UNKNOWN))
        and "://" not in text
    )
