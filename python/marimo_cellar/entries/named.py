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
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from types import FunctionType
from typing import Any, TypeAlias, TypeGuard

from msgspec import Struct

from marimo_cellar import _marimo
from marimo_cellar.entries.evaluating import (
    CALLED,
    FOLDERS,
    UNKNOWN,
    Known,
    has_text,
    text_of,
)
from marimo_cellar.entries.modules import names_run
from marimo_cellar.entries.patterns import is_pattern
from marimo_cellar.notebook.notebook import Cell
from marimo_cellar.notebook.parsing import name_of, tree_of

# What stands for names in the code of a cell of that kernel id.
Values: TypeAlias = "Callable[[str, Iterable[str]], Mapping[str, Any]]"

_LONGEST_PATH = 260
# Characters of a text in which quoted names are looked for, as in SQL.
_LONGEST_QUERY = 20_000
# Pieces of code, and items of one list that a function is called with.
_MOST = 100
_QUOTED = re.compile(r"'([^'\n]+)'|\"([^\"\n]+)\"")
# A literal with an extension. It takes some code between two literals for one, too.
_PATH_IN_CODE = re.compile(r"""(['"])(?![\])},:;\s+])[^'"\n]*\.\w[^'"\n]*\1""")
_EXTENSION = re.compile(r"\.[^\s'\"]+$")
_WRITING = re.compile(
    r"^((write|sink|to|save|dump|export)(_.*)?|savefig|unlink|remove|rmtree|touch|mkdir)$"
)


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
        is_called = of is not None and of == function
        if of is None and not _has_path(code):
            # Most cells name no file, which is told sooner than all that they say.
            names = values(kernel_id, names_run(code, called=False)).values()
            if not any(_tells_more(value) for value in names):
                continue
        piece = _piece(code, of)
        if piece is None and is_called:
            # A method, or a function within another.
            piece = _piece(code, "")
        if piece is None:
            continue
        stand_for = values(kernel_id, piece.names)
        known = Known({**stand_for, **(arguments if is_called else {})}, folder)
        yield from _paths_by(piece, known)
        for name in piece.names:
            if name in cells and _is_code(stand_for.get(name)):
                further = (cells[name].kernel_id, cells[name].code, name)
                if further not in seen:
                    seen.add(further)
                    left.append(further)


def _paths_by(piece: _Piece, known: Known) -> list[str]:
    try:
        return [
            path
            for expression in piece.expressions
            if expression.tells or known.has_any(expression.names)
            for text in _texts_in(expression.node, known)
            for path in _paths_in(text)
        ]
    except RecursionError:
        # Nested too deeply: of that much, one file more or less is no loss.
        return []


@lru_cache(maxsize=512)
def _has_path(code: str) -> bool:
    return _PATH_IN_CODE.search(code) is not None


def _tells_more(value: object) -> bool:
    return has_text(value) or _is_code(value)


def _is_code(value: object) -> bool:
    """Whether it is a function or a class, whose code may name files."""
    # Not `isinstance`, which asks what stands in for another for its class.
    return (
        issubclass(type(value), (FunctionType, type))
        or _marimo.cached_function(value) is not None
    )


class _Expression(Struct, frozen=True):
    """What may come to a path, or an assignment of it: whatever its names stand for where
    it `tells`, else only if one of them stands for a text."""

    node: ast.AST
    names: frozenset[str]
    tells: bool


class _Piece(Struct, frozen=True):
    """Code that runs, and all names that it uses."""

    expressions: tuple[_Expression, ...]
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
    try:
        expressions = tuple(found for node in nodes for found in _expressions(node))
    except RecursionError:
        return None
    names = frozenset(name for node in nodes for name in _names_in(node))
    return _Piece(expressions, names)


def _expressions(node: ast.AST) -> Iterator[_Expression]:
    """The largest ones."""
    if _is_assignment(node) and _may_come_to_text(node.value):
        yield _Expression(node, _names_in(node), True)
    elif isinstance(node, ast.expr) and _may_come_to_text(node):
        tells = any(map(_tells, ast.walk(node)))
        names = _names_in(node)
        if tells or names:
            yield _Expression(node, names, tells)
    else:
        for child in _parts(node):
            yield from _expressions(child)


def _is_assignment(node: ast.AST) -> TypeGuard[ast.Assign | ast.AnnAssign]:
    return isinstance(node, ast.Assign | ast.AnnAssign)


def _parts(node: ast.AST) -> Iterable[ast.AST]:
    """What of a node may name a file that is read."""
    if isinstance(node, ast.Call) and _WRITING.match(name_of(node.func)):
        return [node.func]
    return ast.iter_child_nodes(node)


def _may_come_to_text(node: ast.expr | None) -> bool:
    match node:
        case ast.Constant(value=str()) | ast.JoinedStr() | ast.Subscript():
            return True
        case ast.Name() | ast.BinOp(op=ast.Div() | ast.Add()):
            return True
        case ast.Attribute(attr="parent") | ast.Call(keywords=[]):
            return isinstance(node, ast.Attribute) or name_of(node.func) in CALLED
    return False


def _tells(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return any(char in node.value for char in ".'\"")
    return isinstance(node, ast.Call) and name_of(node.func) in FOLDERS


def _names_in(node: ast.AST) -> frozenset[str]:
    return frozenset(
        one.id
        for one in ast.walk(node)
        if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load)
    )


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


def _texts_in(node: ast.AST, known: Known) -> Iterator[str]:
    """Of the largest expressions of which one is known. What is not known of a text
    has a character in its place that no path has."""
    if isinstance(node, ast.JoinedStr):
        text, unknown = known.joined(node)
        yield text
        for value in unknown:
            yield from _texts_in(value, known)
        return
    if isinstance(node, ast.expr):
        text_of_all = known.text(node)
        if text_of_all is not None:
            yield text_of_all
            return
    if _is_assignment(node) and node.value is not None:
        assigned = known.text(node.value)
        if assigned is not None:
            # Whoever uses the variable names the file.
            known.assign(node, assigned)
            return
    for child in _parts(node):
        yield from _texts_in(child, known)


def _paths_of(value: object) -> Iterator[str]:
    text = text_of(value)
    if text is not None:
        yield from _paths_in(text)
    elif type(value) in (list, tuple):
        items: Any = value
        for item in items[:_MOST]:
            text = text_of(item)
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
        and not any(char in text for char in ("\n", "\r", UNKNOWN))
        # Nor is a prompt in which something is emphasised a pattern.
        and not (is_pattern(text) and " " in text)
        and "://" not in text
    )
