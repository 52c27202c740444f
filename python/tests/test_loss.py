"""What it takes to make results again, by the table that both languages share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from marimo_cellar.cleaning.loss import Loss
from marimo_cellar.cleaning.retention import Candidate

CASES = json.loads(
    Path(__file__).parents[2].joinpath("test/fixtures/loss.json").read_text("utf-8")
)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_what_it_takes_to_make_results_again(case: dict[str, Any]) -> None:
    loss = Loss()
    for one in case["left"]:
        # In as many transactions as there are results.
        loss.add([candidate(one)])
    assert (loss.seconds, loss.amount) == (case["seconds"], case["amount"])
    whole = Loss(map(candidate, case["left"]))
    assert (whole.seconds, whole.amount) == (loss.seconds, loss.amount)


def candidate(one: dict[str, Any]) -> Candidate:
    return Candidate(
        1, 0.0, None, 0, one["cell"], one["part"], one["seconds"], one["amount"], 0.0
    )
