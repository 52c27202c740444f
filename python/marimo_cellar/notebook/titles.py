"""What people call a cell: its name, or else its first line of code.

As `cellTitle` in src/server/hover.ts.
"""

from __future__ import annotations

_LONGEST = 80


def title_of(name: str | None, code: str) -> str | None:
    """None for a cell that has neither."""
    if name is not None:
        return name
    lines = [line.strip() for line in code.split("\n")]
    first = next((line for line in lines if line and line[0] != "#"), None) or next(
        filter(None, lines), None
    )
    if first is not None and len(first) > _LONGEST:
        return f"{first[: _LONGEST - 1]}…"
    return first
