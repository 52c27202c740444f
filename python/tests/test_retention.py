"""The policy: its order against a plain reference, and how far down it goes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marimo_cellar.cleaning import evicting, retention
from marimo_cellar.cleaning.evicting import Cleaning
from marimo_cellar.cleaning.loss import Loss
from marimo_cellar.cleaning.retention import Candidate, Rules, Shared
from marimo_cellar.database import schema

CASES = json.loads(
    Path(__file__)
    .parents[2]
    .joinpath("test/fixtures/retention.json")
    .read_text("utf-8")
)

NOW = 2_000_000_000.0
DAY = 24 * 3600.0
ROWS = 2048


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_how_far_down_the_order_one_goes(case: dict[str, Any]) -> None:
    chosen = retention.choose(
        [
            Candidate(
                one["id"], 0.0, one["reason"], one["own"], 1, False, 1.0, 0.0, 0.0
            )
            for one in case["candidates"]
        ],
        [Shared(one["size"], frozenset(one["entries"])) for one in case["shared"]],
        case["used"],
        case["budget"],
        case["spared"],
    )
    assert [
        {"id": one.candidate.entry_id, "reason": one.reason, "freed": one.freed}
        for one in chosen
    ] == case["evicted"]


@dataclass
class Entry:
    """An entry as a test states it; times are seconds before `NOW`."""

    cell: int = 1
    cache_name: str = "cell_cache"
    node: int | None = 1
    made: float = 30 * DAY
    used: float | None = None
    hits: int = 0
    runtime: float | None = 1.0
    pinned: bool = False
    cost: float = 0.0
    format: int | None = 6
    blobs: tuple[int, ...] = (1,)

    @property
    def used_at(self) -> float:
        return NOW - min(self.made, self.made if self.used is None else self.used)


@dataclass
class Cache:
    """Cells are numbered from 1, two of them to a notebook; blob n has a size of
    its own. `retired` is by cell, `open` and `missing` are by notebook."""

    entries: list[Entry]
    retired: dict[int, float] = field(default_factory=dict)
    open: set[int] = field(default_factory=set)
    levels: list[tuple[float, float]] = field(default_factory=list)
    missing: dict[int, float] = field(default_factory=dict)


def size_of(blob: int) -> int:
    return 50_000 * blob * blob


def app_of(cell: int) -> int:
    return (cell + 1) // 2


@contextmanager
def laid_out(cache: Cache) -> Iterator[sqlite3.Connection]:
    """The cache as a database; entry ids are places in the list, from 1."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        schema.lay_out(connection)
        connection.execute("PRAGMA foreign_keys = ON")
        cells = {entry.cell for entry in cache.entries}
        for app in sorted({app_of(cell) for cell in cells}):
            connection.execute("INSERT INTO apps VALUES (?, ?, 0)", (app, f"{app}.py"))
            if app in cache.open:
                connection.execute(
                    "INSERT INTO openings VALUES (?, 'test', ?)", (app, NOW + 1)
                )
            if app in cache.missing:
                connection.execute(
                    "INSERT INTO missing VALUES (?, ?)", (app, NOW - cache.missing[app])
                )
        for cell in cells:
            retired = cache.retired.get(cell)
            connection.execute(
                "INSERT INTO cells (cell_id, app_id, ordinal, code, last_seen_at,"
                " retired_at) VALUES (?, ?, 0, '', 0, ?)",
                (cell, app_of(cell), None if retired is None else NOW - retired),
            )
        for at, level in cache.levels:
            connection.execute(
                "INSERT INTO cleanings (at, actor, entries, size, seconds, level,"
                " evicted) VALUES (?, 'kernel', 1, 1, 1, ?, 1)",
                (NOW - at, level),
            )
        for number, entry in enumerate(cache.entries, start=1):
            insert(connection, number, entry, hash_of(cache, number))
        yield connection
    finally:
        connection.close()


def hash_of(cache: Cache, number: int) -> str:
    """The n-th entries of all cells have the same, as equal cells have."""
    entry = cache.entries[number - 1]
    place = len(family_of(Cache(cache.entries[:number]), entry))
    return f"hash{place}"


def insert(
    connection: sqlite3.Connection, number: int, entry: Entry, hash: str
) -> None:
    connection.execute(
        "INSERT INTO entries (entry_id, cell_id, cache_name, cache_type, hash,"
        " loader, node, runtime, created_at, last_hit_at, hits, pinned, versions)"
        " VALUES (?, ?, ?, 'P', ?, 'lazy', ?, ?, ?, ?, ?, ?, ?)",
        (
            number,
            entry.cell,
            entry.cache_name,
            hash,
            None if entry.node is None else bytes([entry.node]) * 32,
            entry.runtime,
            NOW - entry.made,
            None if entry.used is None else NOW - entry.used,
            entry.hits,
            entry.pinned,
            json.dumps({} if entry.format is None else {"cache": entry.format}),
        ),
    )
    if entry.cost:
        connection.execute(
            "INSERT INTO costs VALUES (?, ?, ?)", (number, entry.cost, entry.cost * 60)
        )
    for place, blob in enumerate(entry.blobs):
        connection.execute(
            "INSERT OR IGNORE INTO blobs (digest, size, crc32, content)"
            " VALUES (?, ?, 0, x'')",
            (bytes([blob]) * 32, size_of(blob)),
        )
        connection.execute(
            "INSERT INTO items (cell_id, entry_id, key, name, format, digest, seal)"
            " VALUES (?, ?, ?, 'x', 'pickle', ?, 0)",
            (entry.cell, number, f"{number}/{place}", bytes([blob]) * 32),
        )


# The reference: the same policy, said as plainly as possible.


def reference(cache: Cache, rules: Rules) -> list[tuple[int, str | None]]:
    """What may leave, in order, each with its reason."""
    judged = []
    for number, entry in enumerate(cache.entries, start=1):
        if entry.pinned or is_held(cache, entry, rules):
            continue
        reason = reason_of(cache, entry, rules)
        judged.append((reason is None, priority_of(cache, entry), number, reason))
    return [(number, reason) for _, _, number, reason in sorted(judged)]


def is_held(cache: Cache, entry: Entry, rules: Rules) -> bool:
    if version_of(cache, entry) != 1 or entry.cell in cache.retired:
        return False
    family = family_of(cache, entry)
    app = app_of(entry.cell)
    ran = any(
        one.used_at > NOW - rules.hold
        for one in cache.entries
        if app_of(one.cell) == app
    )
    if entry.used_at == max(one.used_at for one in family if same(one, entry)):
        return app in cache.open or ran
    return entry.cache_name != "cell_cache" and ran and entry.used_at > NOW - rules.hold


def reason_of(cache: Cache, entry: Entry, rules: Rules) -> str | None:
    formats = {
        one.format
        for one in cache.entries
        if one.format is not None and one.used_at >= NOW - rules.grace
    }
    if formats and entry.format is not None and entry.format not in formats:
        return "unreadable"
    value = value_of(entry)
    if value >= 1 and value * 1e6 >= weight_of(cache, entry):
        return None
    if version_of(cache, entry) > rules.versions:
        settled = settled_of(cache, entry)
        if settled is None or settled > rules.versions:
            return "version"
    if entry.used_at >= NOW - rules.grace:
        return None
    if entry.cell in cache.retired and cache.retired[entry.cell] > rules.grace:
        return "orphan"
    if cache.missing.get(app_of(entry.cell), 0.0) > rules.grace:
        return "orphan"
    return None


def priority_of(cache: Cache, entry: Entry) -> float:
    before = [
        (NOW - at, level) for at, level in cache.levels if NOW - at <= entry.used_at
    ]
    level = max(before)[1] if before else 0.0
    version = version_of(cache, entry)
    frequency = 4.0 * (entry.hits + 1) / (entry.hits + 4)
    return level + frequency * value_of(entry) / (
        version * version * weight_of(cache, entry)
    )


def value_of(entry: Entry) -> float:
    return (1.0 if entry.runtime is None else entry.runtime) + entry.cost * 60


def weight_of(cache: Cache, entry: Entry) -> float:
    references = [blob for one in cache.entries for blob in one.blobs]
    return ROWS + sum(size_of(blob) / references.count(blob) for blob in entry.blobs)


def family_of(cache: Cache, entry: Entry) -> list[Entry]:
    return [
        one
        for one in cache.entries
        if (one.cell, one.cache_name) == (entry.cell, entry.cache_name)
    ]


def same(one: Entry, other: Entry) -> bool:
    return one.node == other.node


def version_of(cache: Cache, entry: Entry) -> int:
    return place_of(entry, family_of(cache, entry))


def settled_of(cache: Cache, entry: Entry) -> int | None:
    family = family_of(cache, entry)
    lasting = [one for one in family if lasts(one, family)]
    return place_of(entry, lasting) if entry in lasting else None


def lasts(entry: Entry, family: list[Entry]) -> bool:
    version = [one for one in family if same(one, entry)]
    until = max(one.used_at for one in version)
    return until - min(NOW - one.made for one in version) > DAY / 2


def place_of(entry: Entry, family: list[Entry]) -> int:
    """The place of an entry's version among those of its family, the last used first."""
    until: dict[int | None, float] = {}
    for one in family:
        until[one.node] = max(until.get(one.node, 0.0), one.used_at)
    order = sorted(until, key=lambda node: (-until[node], -1 if node is None else node))
    return order.index(entry.node) + 1


# Few values each, so that ties and shared bytes are common.
ages = st.sampled_from(
    [0.0, 600.0, 5000.0, 0.4 * DAY, DAY, 3 * DAY, 15 * DAY, 40 * DAY]
)


@st.composite
def entries_(draw: st.DrawFn) -> Entry:
    made = draw(ages)
    return Entry(
        cell=draw(st.integers(1, 4)),
        cache_name=draw(st.sampled_from(["cell_cache", "ask"])),
        node=draw(st.sampled_from([None, 1, 2, 3, 4, 5])),
        made=made,
        used=draw(st.none() | ages.filter(lambda used: used <= made)),
        hits=draw(st.integers(0, 5)),
        runtime=draw(st.sampled_from([None, 0.01, 1.0, 12.0, 300.0])),
        pinned=draw(st.sampled_from([False, False, False, True])),
        cost=draw(st.sampled_from([0.0, 0.0, 0.5])),
        format=draw(st.sampled_from([None, 5, 6, 6])),
        blobs=tuple(draw(st.lists(st.integers(1, 12), unique=True, max_size=3))),
    )


caches = st.builds(
    Cache,
    entries=st.lists(entries_(), min_size=1, max_size=14),
    retired=st.dictionaries(st.integers(1, 4), ages, max_size=2),
    open=st.sets(st.integers(1, 2), max_size=1),
    levels=st.lists(
        st.tuples(ages, st.sampled_from([1e-7, 1e-5, 1e-3])), max_size=3, unique=True
    ),
    missing=st.dictionaries(st.integers(1, 2), ages, max_size=1),
)


@given(caches)
def test_the_order_in_sql_is_the_reference_s(cache: Cache) -> None:
    rules = Rules()
    with laid_out(cache) as connection:
        found = retention.candidates(connection, rules, NOW)
    expected = reference(cache, rules)
    # Sums of shares may differ in their last bit, and with them the order of equals.
    assert {(one.entry_id, one.reason) for one in found} == set(expected)
    assert [one.reason is None for one in found] == [
        reason is None for _, reason in expected
    ]
    for one in found:
        entry = cache.entries[one.entry_id - 1]
        assert one.priority == pytest.approx(priority_of(cache, entry), rel=1e-9)
    ranks = [(one.reason is None, one.priority) for one in found]
    assert ranks == sorted(ranks)


@given(caches, st.integers(0, 20_000_000), st.integers(1, 15))
@settings(max_examples=200)
def test_what_a_clean_up_leaves(cache: Cache, budget: int, at_once: int) -> None:
    rules = Rules()
    with laid_out(cache) as connection:
        candidates = retention.candidates(connection, rules, NOW)
        before = retention.used(connection)
        chosen = retention.choose(
            candidates, retention.shared_blobs(connection), before, budget
        )
        cleaning = Cleaning("command", NOW)
        # In another order than that in which they were chosen, as it is done.
        leaving = sorted(chosen, key=lambda one: one.candidate.entry_id)
        for start in range(0, len(leaving), at_once):
            some = leaving[start : start + at_once]
            digests = evicting.evict(connection, cleaning, some)
            evicting.free(connection, cleaning, digests)
        left = {row[0] for row in connection.execute("SELECT entry_id FROM entries")}
        blobs = {row[0][0] for row in connection.execute("SELECT digest FROM blobs")}
        after = retention.used(connection)
        ghosts = connection.execute("SELECT hash, cache_name FROM ghosts").fetchall()
        totals = connection.execute("SELECT cell_id, entries, size FROM totals")
        totals_left = {cell: (entries, size) for cell, entries, size in totals}
        records = connection.execute(
            "SELECT entries, size, evicted FROM cleanings WHERE at = ?", (NOW,)
        ).fetchall()
        costs = connection.execute("SELECT cleaning_id, amount FROM cleaning_costs")
        paid = costs.fetchall()
    gone = {one.candidate.entry_id for one in chosen}
    assert left == set(range(1, len(cache.entries) + 1)) - gone
    # What is pinned or held never leaves.
    assert gone <= {number for number, _ in reference(cache, rules)}
    # A blob leaves with the last entry that refers to it, and not before.
    assert blobs == {
        blob for number in left for blob in cache.entries[number - 1].blobs
    }
    # The figures are what happened.
    assert before - after == sum(one.freed for one in chosen) == cleaning.size
    assert after == sum(map(size_of, blobs)) + ROWS * len(left)
    # Over the budget only with what may not leave.
    assert after <= budget or gone == {one.entry_id for one in candidates}
    # A ghost of each that no entry answers for any more, once.
    keys = [
        (hash_of(cache, number), cache.entries[number - 1].cache_name)
        for number in range(1, len(cache.entries) + 1)
    ]
    still = {keys[number - 1] for number in left}
    assert sorted(ghosts) == sorted({keys[number - 1] for number in gone} - still)
    # What each cell amounts to is what it has now.
    for cell, total in totals_left.items():
        those = [
            cache.entries[n - 1] for n in left if cache.entries[n - 1].cell == cell
        ]
        sizes = {blob for entry in those for blob in entry.blobs}
        assert total == (len(those), sum(map(size_of, sizes)))
    # One record, of all pieces.
    for_room = sum(one.freed for one in chosen if one.reason == "room")
    levels = max((1 for at, _ in cache.levels), default=0)
    assert records[-1:] == (
        [(len(gone), before - after, levels + for_room)] if gone else records[-1:]
    )
    cost = Loss(one.candidate for one in leaving).amount
    assert paid == ([(cleaning.cleaning_id, cost)] if cost else [])


def test_a_notebook_that_is_gone_and_has_run_since_has_no_orphans() -> None:
    cache = Cache([Entry(runtime=0.01)], missing={1: 20 * DAY})
    with laid_out(cache) as connection:
        (found,) = retention.candidates(connection, Rules(), NOW)
        assert found.reason == "orphan"
        connection.execute("UPDATE apps SET last_seen_at = ?", (NOW - DAY,))
        (found,) = retention.candidates(connection, Rules(), NOW)
        assert found.reason is None
