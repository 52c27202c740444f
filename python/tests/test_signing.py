"""The machine's own key, which results are signed with."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from marimo._save import signing

from marimo_cellar.loaders.loader import SqliteLoader
from marimo_cellar.session.store import SqliteStore


def test_kernels_that_begin_at_once_make_one_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    made = []
    make = signing.generate_keypair
    both_make_one = threading.Barrier(2)

    def make_late() -> tuple[str, str]:
        made.append(make())
        with suppress(threading.BrokenBarrierError):
            both_make_one.wait(0.5)
        return made[-1]

    monkeypatch.setattr(signing, "generate_keypair", make_late)
    store = SqliteStore(str(tmp_path / "cache"))
    with ThreadPoolExecutor(2) as threads:
        one, two = threads.map(
            lambda name: SqliteLoader(name=name, store=store).signer, ("one", "two")
        )
    assert one and two and one.fingerprint() == two.fingerprint()
    assert len(made) == 1
    assert [file.name for file in (tmp_path / "state" / "marimo").iterdir()] == [
        "cache_signing_key.pem"
    ]


def test_where_no_key_can_be_kept_nothing_is_signed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "state").write_text("no folder")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    store = SqliteStore(str(tmp_path / "cache"))
    assert SqliteLoader(name="one", store=store).signer is None
