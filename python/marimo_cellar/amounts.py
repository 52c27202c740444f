"""Amounts as people say them."""

from __future__ import annotations


def told_amount(amount: float) -> str:
    """Money in whatever currency the user counts in: `0.42`, `0.0031`."""
    return f"{amount:.2f}" if amount >= 0.1 else f"{amount:.2g}"


def told_size(size: int) -> str:
    """Bytes as people say them: `3.1 GB`."""
    if size < 1000:
        return f"{size} B"
    value = size / 1000
    for unit in ("kB", "MB", "GB"):
        # What would be rounded up to 1000.0 is one of the next unit.
        if value < 999.95:
            return f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def told_seconds(seconds: float) -> str:
    """A time as people say it: `6 min`."""
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 100 else f"{minutes / 60:.1f} h"


def counted(number: int, one: str, many: str) -> str:
    """A number and what it counts: `1 result`, `1,200 results`."""
    return f"{number:,} {one if number == 1 else many}"
