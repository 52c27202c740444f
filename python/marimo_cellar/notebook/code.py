"""A cell's code, reduced to what it means, and the digests that stand on it.

Two texts that differ only in comments, blank lines or spacing normalise to the
same text and so have the same digest. The extension normalises documents by the
same rules in TypeScript; `test/fixtures/normalise.json` is the table both run.
This is not a tokenizer of Python: it must give some answer for text that is
being edited, and the same one in both languages.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from marimo_cellar.notebook.literals import (
    end_of_line,
    end_of_literal,
    end_of_word,
    is_word,
)

_OPENING = "([{"
_CLOSING = ")]}"
_TAB_COLUMNS = 8


def normalise(code: str) -> str:
    """The text of a cell without comments, blank lines and layout.

    Logical lines are joined by a newline, each begins with as many tabs as it is
    indented deep, and a run of spaces survives as one space only where it parts
    two words, or a word and a string.
    """
    # Python reads every line ending as a newline, inside strings too.
    text = code.replace("\r\n", "\n").replace("\r", "\n")
    lines: list[str] = []
    indents = [0]
    position = 0
    while position < len(text):
        column, position = _indentation(text, position)
        line, position = _logical_line(text, position)
        if not line:
            continue
        while indents[-1] > column:
            indents.pop()
        if column > indents[-1]:
            indents.append(column)
        lines.append("\t" * (len(indents) - 1) + line)
    return "\n".join(lines)


def digest_of_normalised(code: str) -> bytes:
    """SHA-256 of code that is normalised already: 32 bytes."""
    return hashlib.sha256(code.encode("utf-8", "replace")).digest()


def node_digest(own: bytes, parents: Iterable[bytes]) -> bytes:
    """The Merkle node of a cell: its code's digest with its parents' nodes.

    The parents are sorted and taken once each, so that neither the order of cells
    nor the number of names a cell takes from another changes the node.
    """
    return hashlib.sha256(own + b"".join(sorted(set(parents)))).digest()


def _indentation(text: str, position: int) -> tuple[int, int]:
    """The column at which the line's text begins, and where that is."""
    column = 0
    while position < len(text) and text[position] in " \t\f":
        if text[position] == "\t":
            column += _TAB_COLUMNS - column % _TAB_COLUMNS
        else:
            column += 1
        position += 1
    return column, position


def _logical_line(text: str, position: int) -> tuple[str, int]:
    """One logical line without its layout, and where the next one begins."""
    pieces: list[str] = []
    depth = 0
    spaced = False
    # What the last piece was: "word", "string", or "" for anything else.
    last = ""

    def emit(piece: str, kind: str) -> None:
        nonlocal spaced, last
        if spaced and last and kind and not (last == kind == "string"):
            pieces.append(" ")
        pieces.append(piece)
        spaced = False
        last = kind

    while position < len(text):
        char = text[position]
        if char == "\n":
            position += 1
            if depth == 0:
                break
            spaced = True
        elif char in " \t\f":
            position += 1
            spaced = True
        elif char == "\\" and text.startswith("\n", position + 1):
            position += 2
            spaced = True
        elif char == "#":
            position = end_of_line(text, position)
        elif (end := end_of_literal(text, position)) is not None:
            emit(text[position:end], "string")
            position = end
        elif is_word(char):
            end = end_of_word(text, position)
            emit(text[position:end], "word")
            position = end
        else:
            if char in _OPENING:
                depth += 1
            elif char in _CLOSING:
                depth = max(0, depth - 1)
            emit(char, "")
            position += 1
    return "".join(pieces), position
