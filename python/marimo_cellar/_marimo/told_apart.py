"""Code that marimo's digest does not tell apart.

It takes the texts of all constants as one, so that `port = 5432` is what `port = "5432"` is,
`date(2024, 1, 12)` what `date(2024, 11, 2)` is, and `f"for {n}$ now"` what `f"for ${n} now"`
is. Of a function it takes no more than how its parameters are used, and of a `try` not where
it ends, so that what is moved into its `else` is where it was. Of a cell it digests
what is compiled of it as a module: there is nothing of a constant that the cell ends with to
be shown, and nothing of a semicolon behind it that has nothing shown.

With what is here, a cell is not served what it made, or showed, before such an edit. Other
code goes by marimo's digest.
"""

from __future__ import annotations

import ast
import dis
import hashlib
import inspect
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from types import CodeType
from typing import Any

from marimo._save.hash import DEFAULT_HASH, BlockHasher, hash_module

# Texts that other constants have too: numbers, bytes, tuples and the like; and none, which
# is the same before another constant and behind it.
_READS_AS_ANOTHER = re.compile(
    r"|None|True|False|Ellipsis|-?(inf|nan|\d+(\.\d+)?(e[-+]?\d+)?j?)|\(.*\)"
    r"|b'.*'|b\".*\"|frozenset\(.*\)",
    re.DOTALL,
)
_FORMATTING = dis.opmap["BUILD_STRING"]
_ANY_NUMBER = inspect.CO_VARARGS | inspect.CO_VARKEYWORDS


def digest_of_code(code: CodeType | None, hash_type: str = DEFAULT_HASH) -> bytes:
    """marimo's digest, or, of code that it takes for other code, one of its own."""
    digest = hash_module(code, hash_type)
    if code is None or not (more := ",".join(_untold(code))):
        return digest
    data = digest + more.encode("utf-8", "surrogatepass")
    return hashlib.new(hash_type, data, usedforsecurity=False).digest()


def tell_code_apart() -> None:
    """Has keys depend on `digest_of_code`, and those of cells on what is shown. Before
    `digest_cells_once`.
    """
    from marimo._save import hash

    names = vars(hash)

    # By it marimo records which results belong to a notebook, which another process, without
    # Cellar, reads.
    def digest_cell(cell: Any, hash_type: str = DEFAULT_HASH) -> bytes:
        return hash_module(cell.body, hash_type) + hash_module(
            cell.last_expr, hash_type
        )

    names["hash_cell_impl"] = digest_cell
    names["hash_module"] = digest_of_code

    hashers: Any = BlockHasher
    make = hashers.__init__

    def make_with_shown(hasher: Any, *arguments: Any, **named: Any) -> None:
        make(hasher, *arguments, **named)
        shown = _shown_besides(hasher)
        if shown is not None:
            digest = hash_module(shown, hasher.hash_alg.name)
            hasher.hash_alg.update(digest)
            hasher.exe_alg.update(digest)

    hashers.__init__ = make_with_shown


def _untold(code: CodeType) -> Iterator[str]:
    """What the digest of code leaves open, where that is likely to be met."""
    if code.co_flags & _ANY_NUMBER or code.co_kwonlyargcount:
        flags = code.co_flags & _ANY_NUMBER
        yield f"{code.co_argcount} {code.co_kwonlyargcount} {flags}"
    for place, constant in enumerate(code.co_consts):
        if isinstance(constant, CodeType):
            yield from _untold(constant)
        elif isinstance(constant, str) and _READS_AS_ANOTHER.fullmatch(constant):
            yield f"{place} {constant!r}"
    # Each second byte is an argument.
    formats = _FORMATTING in code.co_code[::2]
    for place, (one, other) in enumerate(pairwise(code.co_consts)):
        if _may_part_elsewhere(one, other, formats):
            yield f"{place}: {len(str(one))}"
    if tries := _tries(code):
        yield tries


def _may_part_elsewhere(one: Any, other: Any, formats: bool) -> bool:
    """Whether of two constants, one after the other, an edit is likely to let the second
    begin elsewhere in the same text: of small numbers, such as those of a date, and of what
    stands around a value in a formatted text a sign, such as `$`. Each more that is told is
    a key that marimo's own files do not have.

    It is enough to tell it of the longer ones: a single character cannot be shorter.
    """
    if isinstance(one, str) and isinstance(other, str):
        return formats and len(one) > 1 and (_is_sign(one[-1:]) or _is_sign(other[:1]))
    if type(one) is int and type(other) is int:
        return 9 < one < 100 and 0 <= other < 100
    return False


def _is_sign(character: str) -> bool:
    return not (character.isalnum() or character.isspace())


def _tries(code: CodeType) -> str:
    """Where each `try` ends; nothing for a `with`, which calls what ends it."""
    # Before Python 3.11 that was in the code itself.
    table: bytes = getattr(code, "co_exceptiontable", b"")
    if not table:
        return ""
    names = Counter(one.opname for one in dis.get_instructions(code))
    return table.hex() if names["PUSH_EXC_INFO"] > names["WITH_EXCEPT_START"] else ""


def _shown_besides(hasher: Any) -> CodeType | None:
    """What a cell shows, where what is compiled of it as a module has nothing of that."""
    cell = hasher.graph.cells.get(hasher.cell_id)
    if cell is None or hasher.module is not cell.mod or cell.last_expr is None:
        return None
    if not isinstance(cell.mod.body[-1], ast.Expr):
        return None
    shown: CodeType = cell.last_expr
    return None if shown.co_names else shown
