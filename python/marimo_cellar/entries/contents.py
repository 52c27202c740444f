"""What entries hold: the bytes of a whole entry, checked.

Wrong ones are never served. They are quarantined, and the next save replaces them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from marimo_cellar.database.database import Database
from marimo_cellar.database.found import Found, StoredItem
from marimo_cellar.entries import blobs
from marimo_cellar.entries.entries import items_of
from marimo_cellar.values import checksums, manifests
from marimo_cellar.values.alongside import each
from marimo_cellar.values.blobfile import Bytes, Damaged
from marimo_cellar.values.checksums import ALONGSIDE_BYTES


class Loaded(Struct, frozen=True):
    """The bytes of an entry by marimo's keys, checked; or why there are none.

    `hashed` are the keys whose bytes were checked by their digest, not their CRC.
    """

    contents: Mapping[str, Bytes]
    digests: Mapping[str, bytes]
    why: str | None = None
    hashed: frozenset[str] = frozenset()


def load(
    database: Database, found: Found, mapped: frozenset[str] = frozenset()
) -> Loaded:
    """The bytes of an entry. Wrong ones are quarantined, and none are served.

    A large blob of one of the formats `mapped` may be a mapping of its file. What
    marimo signed the digest of is checked by it, so that marimo need not do so again.
    """
    if not (rows := _items(database, found)):
        return Loaded({}, {}, "it is gone, or some of it is set aside as damaged")
    contents: dict[str, Bytes] = {}
    digests: dict[str, bytes] = {}
    signed: frozenset[str] = frozenset()
    why = None

    def read(item: StoredItem) -> Bytes | Damaged | None:
        # Whoever may write the file could change a pickle between the check of its
        # signature and its use.
        by_digest = item.file is not None and item.key in signed
        mappable = item.format in mapped and not (by_digest and item.format == "pickle")
        try:
            return checked(database, item, by_digest, mappable)
        except Damaged as error:
            return error

    def take(item: StoredItem, content: Bytes | Damaged | None) -> None:
        nonlocal why
        if isinstance(content, Damaged):
            quarantine(database, item.digest)
            why = "its bytes are damaged"
        elif content is None:
            why = why or "a file of it is missing"
        else:
            contents[item.key] = content
            digests[item.key] = item.digest

    # All of them are looked at, so that the next save replaces all that is wrong.
    for manifest in [item for item in rows if item.format == "manifest"]:
        take(manifest, read(manifest))
        if manifest.key in contents and any(row.file is not None for row in rows):
            signed = manifests.signed(contents[manifest.key])
    values = [item for item in rows if item.format != "manifest"]
    # marimo checks each on a thread. For little ones that takes longer.
    large = [item for item in values if _takes_long(item)]
    for item, content in zip(large, each(read, large), strict=True):
        take(item, content)
    for item in values:
        if not _takes_long(item):
            take(item, read(item))
    if why:
        return Loaded({}, {}, why)
    hashed = frozenset(item.key for item in values if item.file and item.key in signed)
    return Loaded(contents, digests, hashed=hashed)


def exists(database: Database, found: Found) -> bool:
    """Whether there is all of an entry to load; no bytes are read."""
    rows = _items(database, found)
    return bool(rows) and all(
        blobs.is_there(database, item.digest, item.file, item.size) for item in rows
    )


def _items(database: Database, found: Found) -> Sequence[StoredItem]:
    if found.items is not None:
        return found.items
    with database.reading() as connection:
        return items_of(connection, found) if connection is not None else []


def checked(
    database: Database, item: StoredItem, by_digest: bool = False, mapped: bool = False
) -> Bytes | None:
    """`blobs.read`, for bytes that are also sealed to their key."""
    if item.seal != checksums.seal(item.key, item.digest, item.size):
        raise Damaged(item.digest)
    return blobs.read(database, item, by_digest, mapped)


def _takes_long(item: StoredItem) -> bool:
    return item.file is not None and item.size >= ALONGSIDE_BYTES


def quarantine(database: Database, digest: bytes) -> None:
    """`blobs.quarantine` in a transaction of its own, where anything can be written."""
    if not database.read_only:
        with database.writing() as connection:
            blobs.quarantine(connection, digest)
