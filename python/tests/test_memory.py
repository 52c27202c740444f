"""A save or a load takes no more memory than the value itself, as files do."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.memory import ALLOWED_MB, WORKS, allowed, measure

MEGABYTES = 100


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="Linux tells the peak of a moment"
)
@pytest.mark.parametrize("kind", ["store", "arrow"])
def test_a_value_takes_what_it_takes_with_files(kind: str, tmp_path: Path) -> None:
    for work in WORKS:
        files = measure(tmp_path, kind, work, "files", MEGABYTES)
        cellar = measure(tmp_path, kind, work, "cellar", MEGABYTES)
        assert cellar <= allowed(kind, work, files, MEGABYTES) + ALLOWED_MB, work
        # Neither is below what the value itself needs, so both did the work.
        if work == "load":
            assert min(cellar, files) >= MEGABYTES
