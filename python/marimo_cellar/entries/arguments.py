"""What a cached function was called with, in words short enough for a list.

It tells the results of one function apart, such as a hundred answers of a language
model. No code of the user's runs for it: of what Python itself does not define, only
the type is named, and of arrays and frames the shape.
"""

from __future__ import annotations

import datetime
import decimal
import json
import re
import reprlib
import sqlite3
import uuid
from collections.abc import Mapping
from itertools import islice
from typing import Any

from marimo_cellar.entries.evaluating import PATHS

# Characters of one text, of all that is said of one argument, and arguments.
_TEXT, _ARGUMENT, _ARGUMENTS = 240, 400, 20

# Exactly these: what derives from one may say anything of itself, and take its time.
_PLAIN = frozenset(
    {
        *(type(None), bool, int, float, complex, str),
        *(list, tuple, dict, set, frozenset),
        *(datetime.date, datetime.datetime, datetime.time, datetime.timedelta),
        *(decimal.Decimal, uuid.UUID, range),
        *PATHS,
    }
)
# Whose values have a shape that is known without computing anything.
_WITH_SHAPE = frozenset({"numpy", "pandas", "polars", "pyarrow", "scipy", "torch"})
# Names of what is not written down in words, if it is text.
_SECRET = re.compile(
    r"api_?key|access_?key|private_?key|passw(or)?d|passphrase|secret|credential|token(?!i)"
    r"|^auth(orization)?$",
    re.IGNORECASE,
)
_HIDDEN = "***"
# Of a whole number that is written. Python writes some 14,000.
_MOST_BITS = 8192
_BY = " \N{MULTIPLICATION SIGN} "


def written(arguments: Mapping[str, object]) -> str | None:
    """The arguments as JSON, as the table `calls` has them; None where there are none.

    Takes some microseconds for each, however large it is, and never raises.
    """
    if not arguments:
        return None
    said = {
        str(name): _shown(str(name), value)
        for name, value in islice(arguments.items(), _ARGUMENTS)
    }
    text = json.dumps(said, ensure_ascii=False)
    return text.encode("utf-8", "replace").decode("utf-8")


def read(connection: sqlite3.Connection, entry_id: int) -> dict[str, str]:
    """What an entry's function was called with, as `written`; nothing where that is not
    known. Raises `sqlite3.DatabaseError` for a damaged database."""
    try:
        row = connection.execute(
            "SELECT arguments FROM calls WHERE entry_id = ?", (entry_id,)
        ).fetchone()
    except sqlite3.OperationalError:
        # An older format, in a place where it cannot be brought up to date.
        return {}
    try:
        found: object = json.loads(row[0]) if row else {}
    except (ValueError, TypeError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: text for name, text in found.items() if isinstance(text, str)}


def _shown(name: str, value: object) -> str:
    try:
        text = _HIDDEN if _is_secret(name, value) else _short.repr(value)
    except Exception:
        text = type(value).__name__
    return text if len(text) <= _ARGUMENT else f"{text[: _ARGUMENT - 1]}…"


def _is_secret(name: object, value: object) -> bool:
    return (
        isinstance(value, (str, bytes))
        and type(name) is str
        and _SECRET.search(name) is not None
    )


class _Short(reprlib.Repr):
    """Of long texts the beginning and the end, where two prompts most often differ."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = _TEXT
        self.maxother = _TEXT
        self.maxlevel = 4
        self.maxdict = self.maxlist = self.maxtuple = 8

    def repr1(self, x: Any, level: int) -> str:
        return super().repr1(x, level) if type(x) in _PLAIN else _named(x)

    def repr_int(self, x: int, level: int) -> str:
        # Of one with more digits than Python writes, the base class says where it lies,
        # from Python 3.14 on.
        return super().repr_int(x, level) if x.bit_length() < _MOST_BITS else "int"

    def repr_dict(self, x: dict[Any, Any], level: int) -> str:
        # In its own order, where the base class sorts: a message's role is first.
        if level <= 0 and x:
            return "{...}"
        pairs = [
            f"{self.repr1(key, level - 1)}: "
            f"{_HIDDEN if _is_secret(key, value) else self.repr1(value, level - 1)}"
            for key, value in islice(x.items(), self.maxdict)
        ]
        more = ["..."] if len(x) > self.maxdict else []
        return f"{{{', '.join([*pairs, *more])}}}"


_short = _Short()


def _named(value: Any) -> str:
    """`DataFrame(1000 by 5)`, with the sign for it, `bytes(20)`, `Model`; the name of a
    function or a class."""
    kind = type(value)
    if isinstance(value, (bytes, bytearray)):
        return f"{kind.__name__}({len(value)})"
    if kind.__module__ in ("builtins", "functools") or kind is type:
        return str(getattr(value, "__name__", kind.__name__))
    if kind.__module__.partition(".")[0] in _WITH_SHAPE:
        shape = getattr(value, "shape", None)
        if isinstance(shape, tuple):
            # A scalar of NumPy's is as short as a number.
            if not shape and hasattr(value, "item"):
                return _short.repr(value.item())
            return f"{kind.__name__}({_BY.join(str(int(one)) for one in shape)})"
    return kind.__name__
