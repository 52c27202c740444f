"""What people call a cell: its name, or else its first line of code, or of Markdown.

As `firstLine` in src/protocol/labels.ts.
"""

from __future__ import annotations

import re

_LONGEST = 80

_MARKDOWN = re.compile(
    r"""\s*mo\.md\(\s*[a-z]{0,2}(\"{3}|'{3}|"|')[\s#]*([^\n]*)""", re.IGNORECASE
)


def title_of(name: str | None, code: str) -> str | None:
    """None for a cell that has neither."""
    if name is not None:
        return name
    lines = [line.strip() for line in code.split("\n")]
    first = (
        _first_of_markdown(code)
        or next((line for line in lines if line and line[0] != "#"), None)
        or next(filter(None, lines), None)
    )
    if first is not None and len(first) > _LONGEST:
        return f"{first[: _LONGEST - 1]}…"
    return first


def _first_of_markdown(code: str) -> str | None:
    """A heading without its marks: the call would be the title of each of these cells."""
    call = _MARKDOWN.match(code)
    return call[2].split(call[1], 1)[0].strip() if call else None
