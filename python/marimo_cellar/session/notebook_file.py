"""The cells of a notebook's Python file, read quickly where that is safe.

marimo's parser takes a millisecond a cell, which at the first lookup of a run counts
as much as all lookups together. A kernel has most often been started with the file as
it is, so what is read here is believed only if the kernel has each of its cells;
otherwise marimo's parser is asked.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from textwrap import dedent

from marimo_cellar import _marimo
from marimo_cellar.notebook.notebook import FileCell, digest_of
from marimo_cellar.notebook.parsing import parsed


class _Unknown(Exception):
    """It is not laid out as marimo lays out most notebooks."""


def cells_in(text: str, codes: Iterable[str]) -> list[FileCell] | None:
    """A notebook's cells in the file's order; None where one is none of `codes`.

    Comments and layout may be others. The code of a cell is the same as marimo's but
    for those.
    """
    try:
        cells = list(_cells(text))
    except (_Unknown, SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    known = frozenset(codes)
    # Most often all of it is the same, comments too.
    others = {cell.code for cell in cells} - known
    if others and not {digest_of(code) for code in others} <= {
        digest_of(code) for code in known
    }:
        return None
    return cells


def _cells(text: str) -> Iterator[FileCell]:
    # Not `splitlines`, which sees more ends of lines than Python does.
    lines = text.split("\n")
    for node in parsed(text).body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            match [_of_app(one) for one in node.decorator_list]:
                case ["cell"] if not isinstance(node, ast.ClassDef):
                    name = None if node.name in _marimo.UNNAMED else node.name
                    yield FileCell(name, _body(lines, node))
                case ["function" | "class_definition"]:
                    yield FileCell(
                        node.name, _source(lines, node.lineno, node.end_lineno)
                    )
                case _:
                    raise _Unknown
        elif isinstance(node, ast.With):
            if [_of_app(one.context_expr) for one in node.items] != ["setup"]:
                raise _Unknown
            yield FileCell("setup", _body(lines, node))
        elif isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant):
            # Such as a cell whose code does not parse.
            raise _Unknown


def _of_app(node: ast.expr) -> str | None:
    """The name of an attribute of `app`, or of one that is called."""
    if isinstance(node, ast.Call):
        node = node.func
    if (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "app"
    ):
        return node.attr
    return None


def _body(
    lines: list[str], node: ast.FunctionDef | ast.AsyncFunctionDef | ast.With
) -> str:
    body = list(node.body)
    if isinstance(body[-1], ast.Return):
        # marimo writes it for the names that other cells use.
        body.pop()
    if not body:
        return ""
    first = body[0]
    start = min(
        (one.lineno for one in getattr(first, "decorator_list", ())),
        default=first.lineno,
    )
    if not lines[start - 1][: first.col_offset].isspace():
        raise _Unknown
    return _source(lines, start, body[-1].end_lineno)


def _source(lines: list[str], first: int, last: int | None) -> str:
    return dedent("\n".join(lines[first - 1 : last]))
