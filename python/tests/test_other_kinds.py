"""What one loader saved serves another, except where that would run more code."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from marimo_cellar import SqliteLoader, SqliteStore
from marimo_cellar._marimo import LazyLoader, is_plain
from marimo_cellar.entries.entries import EntryKey, Owner
from marimo_cellar.entries.roll import Roll
from marimo_cellar.loaders import other_kinds
from marimo_cellar.loaders.loader import SqliteJsonLoader, SqlitePickleLoader
from marimo_cellar.lookups import lookups, reasons
from marimo_cellar.session.entry_stores import EntryWriter
from tests.test_store import KEY, audit, loader, rows, saved, strict

KINDS: dict[str, Any] = {
    "lazy": SqliteLoader,
    "pickle": SqlitePickleLoader,
    "json": SqliteJsonLoader,
}
OFF = {name: "off" for name in strict()}
UNSIGNED = "a result saved as {} is not loaded under signature verification"
SIGNED = UNSIGNED.format("pickle")
CODE = "a result saved as pickle is not loaded as json"
PLAIN = "a result saved as lazy does not serve: not all its values are plain"


@pytest.fixture(autouse=True)
def own_signing_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    return SqliteStore(str(tmp_path / "cache"))


def whys(store: SqliteStore) -> list[str | None]:
    """What is written of the lookups, the last one first."""
    lookups.flush()
    found = rows(
        store,
        "SELECT reasons FROM lookups LEFT JOIN reasons USING (lookup_id)"
        " ORDER BY lookup_id DESC",
    )
    return [
        next((one.get("text") for one in reasons.parse(text)), None)
        for (text,) in found
    ]


class Trap:
    """A pickle that leaves a mark when it is loaded."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return Path.touch, (self.mark,)


# The rule


@pytest.mark.parametrize(
    ("asked", "kind", "verification", "why"),
    [
        ("pickle", "lazy", "off", None),
        ("pickle", "json", "off", None),
        ("json", "lazy", "off", None),
        ("json", "pickle", "off", CODE),
        ("lazy", "json", "off", None),
        ("lazy", "json", "on", UNSIGNED.format("json")),
        ("lazy", "json", "strict", UNSIGNED.format("json")),
        ("lazy", "pickle", "off", None),
        ("lazy", "pickle", "on", SIGNED),
        ("lazy", "pickle", "strict", SIGNED),
    ],
)
def test_what_may_answer(
    asked: str, kind: str, verification: str, why: str | None
) -> None:
    assert other_kinds.refusal(asked, kind, verification) == why


# In this process


@pytest.mark.parametrize(
    ("kind", "asked", "options"),
    [
        ("lazy", "pickle", {}),
        ("lazy", "json", {}),
        ("json", "lazy", OFF),
        ("json", "pickle", {}),
        ("pickle", "lazy", OFF),
    ],
)
def test_an_entry_answers_another_kind_and_counts_its_hits(
    kind: str, asked: str, options: dict[str, str], store: SqliteStore
) -> None:
    saved(loader(KINDS[kind], store), x=1, y="words" * 20_000)
    one = loader(KINDS[asked], store, **options)
    attempt = one.cache_attempt({"x", "y"}, KEY, set())
    assert attempt.hit and attempt.defs == {"x": 1, "y": "words" * 20_000}
    assert whys(store) == [None]
    assert rows(store, "SELECT loader, hits FROM entries") == [(kind, 1)]
    # Other names than asked for are a miss here too, and no error.
    assert not one.cache_attempt({"z"}, KEY, set()).hit
    assert whys(store)[0] == f"a result saved as {kind} does not serve: " + (
        "it holds other names"
    )
    audit(store)


@pytest.mark.parametrize("options", [{}, strict()])
def test_lazy_runs_no_pickle_that_nobody_signed(
    options: dict[str, str], store: SqliteStore, tmp_path: Path
) -> None:
    pytest.importorskip("cryptography")
    mark = tmp_path / "mark"
    saved(loader(SqlitePickleLoader, store), x=Trap(mark))
    assert loader(SqliteLoader, store, **options).load_cache(KEY) is None
    assert whys(store) == [SIGNED]
    assert not mark.exists()
    # It is a trap: the loader that may, does load it.
    loader(SqlitePickleLoader, store).load_cache(KEY)
    assert mark.exists()


@pytest.mark.parametrize("options", [{}, OFF])
def test_json_runs_no_code_of_an_entry_of_any_kind(
    options: dict[str, str], store: SqliteStore, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    saved(loader(SqlitePickleLoader, store), x=Trap(mark))
    saved(loader(SqliteLoader, store, **options), x=Trap(mark))
    assert loader(SqliteJsonLoader, store).load_cache(KEY) is None
    (why,) = whys(store)
    assert why is not None and why.startswith(PLAIN)
    assert not mark.exists()


def test_strict_takes_no_entry_that_is_not_signed(store: SqliteStore) -> None:
    pytest.importorskip("cryptography")
    saved(loader(SqliteJsonLoader, store), x=1)
    assert loader(SqliteLoader, store, **strict()).load_cache(KEY) is None
    assert whys(store) == [UNSIGNED.format("json")]


def without_signature(store: SqliteStore) -> None:
    """Takes the signature from the manifest, as who plants an entry must."""

    def unsigned(manifest: Any) -> None:
        manifest["meta"].pop("signature")

    rewrite(store, unsigned)


def other_value(store: SqliteStore) -> None:
    def seven(manifest: Any) -> None:
        manifest["defs"]["n"]["primitive"] = 7

    rewrite(store, seven)


def rewrite(store: SqliteStore, change: Callable[[Any], None]) -> None:
    """Saves the one `lazy` entry again with another manifest."""
    found = rows(store, "SELECT key FROM items WHERE format <> 'manifest'")
    parts = {key: store.get(key) for (key,) in found}
    whole = "block/P_abc.jsonl"
    manifest = json.loads(store.get(whole) or b"")
    change(manifest)
    key = EntryKey("block", "P", "abc", "lazy")
    writer = EntryWriter(store.database, key, Owner(Roll(None)))
    for part, content in parts.items():
        writer.put(part, content or b"")
    writer.put(whole, json.dumps(manifest).encode())
    assert writer.finish()


@pytest.mark.parametrize("spoil", [without_signature, other_value])
@pytest.mark.parametrize("verification", ["on", "strict"])
def test_a_tampered_lazy_entry_is_a_miss_and_never_an_error(
    verification: str,
    spoil: Callable[[SqliteStore], None],
    store: SqliteStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("cryptography")
    if verification == "strict":
        # As where the user's configuration says so, for loaders that are not told.
        made, demand = LazyLoader.__init__, strict()
        monkeypatch.setattr(
            LazyLoader,
            "__init__",
            lambda self, *rest, **more: made(self, *rest, **(demand | more)),
        )
    mark = tmp_path / "mark"
    saved(loader(SqliteLoader, store), n=1, x=Trap(mark))
    spoil(store)
    assert loader(SqlitePickleLoader, store).load_cache(KEY) is None
    (why,) = whys(store)
    assert why is not None and "does not serve" in why
    assert not mark.exists()


def test_a_signed_lazy_entry_answers_under_strict(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("cryptography")
    saved(loader(SqliteLoader, store, **strict()), x=[1, 2])
    assert loader(SqlitePickleLoader, store).load_cache(KEY).defs == {"x": [1, 2]}


@pytest.mark.parametrize(
    "content",
    [
        {"hash": "abc", "meta": {}, "defs": None},
        {"hash": "abc", "meta": None, "defs": {"x": 1}},
        {"hash": "abc", "meta": {"runtime": "long"}, "defs": {"x": 1}},
        {"hash": "other", "meta": {}, "defs": {"x": 1}},
        [],
    ],
)
@pytest.mark.parametrize("asked", ["lazy", "pickle", "json"])
def test_json_that_is_no_entry_breaks_no_cell(
    asked: str, content: Any, store: SqliteStore
) -> None:
    if isinstance(content, dict):
        content |= {"cache_type": "Pure", "stateful_refs": [], "hit": True}
    store.put("block/P_abc.json", json.dumps(content).encode())
    attempt = loader(KINDS[asked], store).cache_attempt({"x"}, KEY, set())
    assert not attempt.hit


@pytest.mark.parametrize(
    ("items", "more", "plain"),
    [
        ({"x": {"primitive": [1, {"a": None}], "hash": "h"}}, {}, True),
        ({"x": {"special_float": "nan"}, "y": {}}, {}, True),
        ({"x": {"reference": "block/abc/x.npy"}}, {}, False),
        ({"x": {"reference": "block/abc/x.arrow"}}, {}, False),
        ({"x": {"function": ["f = 1", "f", 1, False]}}, {}, False),
        ({"x": {"class_def": ["class C: ...", "C"]}}, {}, False),
        ({"x": {"import_ref": ["os", "system"]}}, {}, False),
        ({"x": {"module": "antigravity"}}, {}, False),
        ({"x": {"unserializable_type": "lock"}}, {}, False),
        ({"x": {"primitive": 1}}, {"ui_defs": ["x"]}, False),
        ({"x": 1}, {}, False),
    ],
)
def test_plain_is_what_the_manifest_itself_says(
    items: Any, more: Any, plain: bool
) -> None:
    content = {
        "hash": "abc",
        "cache_type": "Pure",
        "defs": items,
        "stateful_refs": [],
        "meta": {"version": 6},
    }
    assert is_plain(msgspec.json.encode(content | more)) is plain


def test_a_manifest_nested_without_end_is_not_plain() -> None:
    assert not is_plain(b"[" * 100_000)
    assert not is_plain(b"\xff")


def test_a_lookup_leaves_no_loader_behind(store: SqliteStore) -> None:
    """marimo waits for, and exports from, the last `lazy` loader of a name."""
    saved(loader(SqliteLoader, store), x=1)
    mine = loader(SqliteLoader, store)
    assert loader(SqlitePickleLoader, store).load_cache(KEY) is not None
    assert [one for one in LazyLoader.active_loaders() if one.name == "block"] == [mine]


def test_what_marimo_wants_made_anew_is_not_answered(store: SqliteStore) -> None:
    saved(loader(SqliteJsonLoader, store), x=1)
    one = loader(SqliteLoader, store)
    one.mark_stale(str(one.build_path(KEY)))
    assert one.load_cache(KEY) is None
    # Until it is.
    saved(one, x=1)
    assert one.load_cache(KEY) is not None


def test_an_own_entry_that_is_damaged_is_made_anew(store: SqliteStore) -> None:
    saved(loader(SqliteJsonLoader, store), x=1)
    one = loader(SqlitePickleLoader, store)
    saved(one, x=2)
    with store.database.writing() as connection:
        connection.execute("UPDATE items SET seal = 0 WHERE format = 'pickle'")
    assert one.load_cache(KEY) is None


@pytest.mark.parametrize("asked", ["lazy", "pickle", "json"])
def test_clearing_a_cache_clears_it_of_every_kind(
    asked: str, store: SqliteStore
) -> None:
    for kind in KINDS.values():
        saved(loader(kind, store), x=1)
    one = loader(KINDS[asked], store)
    assert one.clearable_bytes() == rows(store, "SELECT sum(size) FROM blobs")[0][0]
    one.clear()
    assert all(loader(kind, store).load_cache(KEY) is None for kind in KINDS.values())
    audit(store)


def test_what_one_loader_saved_another_setting_leaves_and_saves_its_own(
    store: SqliteStore,
) -> None:
    """A changed setting: its own kind is saved, and the old kind loads again."""
    for kind in (SqlitePickleLoader, SqliteLoader, SqliteJsonLoader):
        assert loader(kind, store).load_cache(KEY) is None
        saved(loader(kind, store), x=[1, 2])
    for kind in (SqliteJsonLoader, SqliteLoader, SqlitePickleLoader):
        found = loader(kind, store).load_cache(KEY)
        assert found is not None and found.defs == {"x": [1, 2]}
    assert rows(store, "SELECT loader FROM entries ORDER BY entry_id") == [
        ("pickle",),
        ("lazy",),
        ("json",),
    ]
