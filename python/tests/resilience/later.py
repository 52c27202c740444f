"""A later format of the database, as a later package may have it."""

from __future__ import annotations

from marimo_cellar.database import schema

# What a later format may do: some of it at length, so that a kill comes in the middle.
_LATER = """
CREATE TABLE later (x);
INSERT INTO later SELECT randomblob(500) FROM items AS a, items AS b LIMIT 4000;
CREATE INDEX later_by_x ON later (x);
"""


def be_later() -> None:
    """Makes this process one of a package with a later format."""
    scripts = {**schema.migrations(), schema.VERSION + 1: _LATER}
    schema.migrations = lambda: scripts  # type: ignore[assignment]
    schema.VERSION += 1
    schema.objects_of.cache_clear()
