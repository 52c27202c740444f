"""A lookup: what was asked of the cache for a cell, and what it met."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct, field

from marimo_cellar.database.database import Database
from marimo_cellar.database.found import Found
from marimo_cellar.entries.entries import EntryKey, Owner

if TYPE_CHECKING:
    from marimo_cellar.entries.inputs import Inputs
    from marimo_cellar.lookups.reasons import Reason


class Lookup(Struct, eq=False):
    """`at` is in Unix seconds. `seconds` is a hit's load time, a miss's run time,
    which is known only when the entry is saved. `found` is the entry that answered,
    None if that was a file of marimo's. `why` says, in a few words, why an entry that
    is there does not serve; `evicted` what one was evicted for; `reasons` are those
    that are noted as the cell runs, and those found out when it is written. `spent` is
    what the kernel had spent by then."""

    database: Database
    key: EntryKey
    owner: Owner
    outcome: Literal["hit", "miss"]
    at: float
    seconds: float | None = None
    why: str | None = None
    found: Found | None = None
    lookup_id: int | None = None
    evicted: str | None = None
    inputs: Inputs | None = None
    reasons: list[Reason] = field(default_factory=list)
    spent: float = 0.0
