"""Amounts as people say them."""

from __future__ import annotations

import pytest

from marimo_cellar.amounts import told_size


@pytest.mark.parametrize(
    ("size", "told"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_960, "1.0 MB"),
        (999_960_000, "1.0 GB"),
        (10**16, "10000.0 TB"),
    ],
)
def test_a_size_is_never_said_as_a_thousand_of_a_unit(size: int, told: str) -> None:
    assert told_size(size) == told
