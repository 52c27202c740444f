"""What uses a restored frame or array is looked up as it was when that was made."""

from __future__ import annotations

import pytest

from tests import kernels
from tests.conftest import Write, outcomes, ran

# marimo hashes the numbers of a frame in the order that they have in memory, which is
# by rows for a frame of one array, and by columns for one that Arrow gives back.
MADE = {
    "rows": "pd.DataFrame(np.arange(12.0).reshape(3, 4), columns=list('abcd'))",
    "taken": "pd.DataFrame(np.arange(12.0).reshape(3, 4), columns=list('abcd'))"
    ".sample(3, random_state=1)",
    "array": "np.arange(5)[::2]",
}


@pytest.mark.parametrize("name", MADE)
def test_what_needs_it_is_served_in_the_second_run(
    name: str, write: Write, env: dict[str, str]
) -> None:
    notebook = write(
        "digests.py",
        _imports="import numpy as np, pandas as pd",
        make=f"ran('make')\nmade = {MADE[name]}",
        use="ran('use')\nused = float(made.sum().sum())\nused",
    )
    first = kernels.export(notebook, env)
    assert ran(notebook) == ["make", "use"]
    second = kernels.export(notebook, env)
    assert ran(notebook) == []
    assert second.outputs == first.outputs


def test_a_cell_that_is_run_again_is_hashed_anew(
    write: Write, env: dict[str, str]
) -> None:
    """The digest of what was restored is not that of what took its place."""
    notebook = write(
        "anew.py",
        _imports="import itertools, numpy as np, pathlib",
        # Computed again in each run, since another cell uses what cannot be saved.
        make="""
            ran("make")
            count = pathlib.Path("count.txt")
            number = int(count.read_text()) + 1 if count.exists() else 0
            count.write_text(str(number))
            made = np.full(3, number)
            later = (one for one in made)
        """,
        use="ran('use')\nused = int(made.sum())\nused",
        tell="raise ValueError(next(later))",
    )
    for number in range(3):
        outputs = str(kernels.export(notebook, env).outputs)
        # As without a cache, what `use` shows is either of that run's array or of the
        # one that it was restored from.
        assert f"'evalue': '{number}'" in outputs, outputs
    assert outcomes(notebook)["make"] == "miss"
