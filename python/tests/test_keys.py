"""marimo's store keys, read as the extension's endpoint reads them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from marimo_cellar.entries import keys
from marimo_cellar.entries.entries import EntryKey

_FIXTURE = Path(__file__).parents[2] / "test" / "fixtures" / "keys.json"
_CASES: list[dict[str, Any]] = json.loads(_FIXTURE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", _CASES, ids=lambda case: str(case["key"]))
def test_what_a_key_means(case: dict[str, Any]) -> None:
    key = case["key"]
    entry, part = case.get("entry"), case.get("part")
    assert keys.entry_of(key) == (entry and EntryKey(*entry))
    assert keys.owner_of(key) == (part and tuple(part))
    assert keys.stem(key) == case["stem"]
    assert keys.format_of(key) == case["format"]
    if entry:
        assert keys.key_of(EntryKey(*entry)) == key
