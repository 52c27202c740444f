"""How many at a time, by the table that both languages read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from marimo_cellar.cleaning.pacing import Pace

CASES = json.loads(
    Path(__file__).parents[2].joinpath("test/fixtures/pacing.json").read_text("utf-8")
)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_how_many_at_a_time(case: dict[str, Any]) -> None:
    pace = Pace(case["seconds"], case["first"])
    sizes = []
    for seconds in case["took"]:
        pace.took(seconds)
        sizes.append(pace.size)
    assert sizes == case["sizes"]
