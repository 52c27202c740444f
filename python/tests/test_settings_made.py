"""What one cell sets for the process, and another one comes out by."""

from __future__ import annotations

import decimal
import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from marimo_cellar.session.settings_made import is_subject, made_by
from tests.conftest import Write, ran
from tests.kernels import export


def _notebook(write: Write, size: str, digits: int) -> Path:
    return write(
        "settings.py",
        imports="import decimal\nimport matplotlib.pyplot as plt",
        width="width = 4",
        size=f"plt.rcParams['figure.figsize'] = {size}",
        digits=f"decimal.getcontext().prec = {digits}",
        drawn="""
            ran('drawn')
            figure, axes = plt.subplots()
            drawn = figure.get_size_inches().tolist()
        """,
        shown="ran('shown')\nshown = axes.get_figure().get_size_inches().tolist()",
        third="ran('third')\nthird = str(decimal.Decimal(1) / 3)",
        other="ran('other')\nother = 1",
        seen="s = mo.ui.switch()\nran(f'{drawn} {shown} {third} {other}')",
    )


def test_what_another_cell_set_is_part_of_the_key(
    write: Write, env: dict[str, str]
) -> None:
    def runs(size: str, digits: int) -> list[str]:
        path = _notebook(write, size, digits)
        export(path, env)
        return ran(path)

    first = "[4.0, 2.0] [4.0, 2.0] 0.333 1"
    assert runs("(4, 2)", 3) == ["drawn", "shown", "third", "other", first]
    assert runs("(4, 2)", 3) == [first]
    wide = "[8.0, 2.0] [8.0, 2.0] 0.333 1"
    assert runs("(8, 2)", 3) == ["drawn", "shown", wide]
    assert runs("(8, 2)", 4) == ["third", wide.replace("333", "3333")]
    # Undone, what was made before answers.
    assert runs("(4, 2)", 3) == [first]
    assert runs("(width, 2)", 3) == ["drawn", "shown", first]


class _Values:
    def __init__(self, **values: Any) -> None:
        self._values = values

    def __call__(self, names: Iterable[str]) -> dict[str, Any]:
        return {one: self._values[one] for one in names if one in self._values}


@pytest.mark.parametrize(
    ("code", "packages"),
    [
        ("os.environ['A'] = 'b'", ["os"]),
        ("decimal.getcontext().prec = 3", ["decimal"]),
        ("log.setLevel(10)", ["logging"]),
        ("random.seed(1)", []),
        ("torch.manual_seed(1)", ["decimal"]),
        ("mine.update(a=1)", []),
        ("def f():\n    os.environ['A'] = 'b'", []),
        ("x = 1", []),
    ],
)
def test_settings_are_told_by_their_package(code: str, packages: list[str]) -> None:
    import random

    values = _Values(
        os=os,
        decimal=decimal,
        log=logging.getLogger("a"),
        random=random,
        torch=decimal,
        mine={},
    )
    assert [one.package for one in made_by(code, values)] == packages


def test_a_setting_is_another_with_another_value() -> None:
    code = "decimal.getcontext().prec = digits"
    one, same, other = (
        made_by(code, _Values(decimal=decimal, digits=digits)) for digits in (3, 3, 4)
    )
    assert one == same
    assert one != other


@pytest.mark.parametrize(
    ("package", "code", "packages", "expected"),
    [
        ("matplotlib", "plt.plot(x)", {"matplotlib"}, True),
        ("seaborn", "plt.plot(x)", {"matplotlib"}, True),
        ("matplotlib", "frame.plot()", {"pandas"}, True),
        ("matplotlib", "model.fit(x)", {"sklearn", "numpy"}, False),
        ("pandas", "print(frame)", {"pandas"}, True),
        ("pandas", "pd.read_csv('a.csv')", {"pandas"}, False),
        ("torch", "torch.rand(3)", {"torch"}, True),
        ("torch", "np.zeros(3)", {"numpy"}, False),
    ],
)
def test_which_cells_a_setting_is_one_for(
    package: str, code: str, packages: set[str], expected: bool
) -> None:
    assert is_subject(package, code, frozenset(packages)) is expected
