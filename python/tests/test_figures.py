"""Axes that a cell defines beside their figure."""

from __future__ import annotations

from tests.conftest import Write, ran
from tests.kernels import export


def test_axes_are_those_of_the_figure_beside_them(
    write: Write, env: dict[str, str]
) -> None:
    notebook = write(
        "figures.py",
        libraries="import matplotlib.pyplot as plt",
        one="fig, ax = plt.subplots()\nran('one')",
        several="grid, axes = plt.subplots(2, 2)\nran('several')",
        draws="axes[1][0].set_title('drawn')\nax.plot([1, 2])\ndrawn = True",
        seen="""
            drawn
            s = mo.ui.switch()
            lines = len(fig.axes[0].lines), grid.axes[2].get_title()
            ran(f"{lines} {axes.shape} {ax is fig.axes[0]}")
        """,
    )
    seen = "(1, 'drawn') (2, 2) True"
    export(notebook, env)
    assert ran(notebook) == ["one", "several", seen]
    export(notebook, env)
    assert ran(notebook) == [seen]
