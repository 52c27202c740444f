"""Axes of matplotlib that a cell defines beside their figure, as `plt.subplots` gives them.

Each variable is saved by itself, and axes with the figure that they are in. So what came
back was two figures, and what another cell drew was on the one that nobody shows.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any


def axes_of_own_figure(values: Mapping[str, Any]) -> dict[str, Any]:
    """What those of a cell's restored values are to be that are axes, or arrays of them, of
    another copy of the one figure among them."""
    figure_module = sys.modules.get("matplotlib.figure")
    if figure_module is None:
        return {}
    figures = {
        id(value): value
        for value in values.values()
        if isinstance(value, figure_module.Figure)
    }
    if len(figures) != 1:
        # Nobody knows which of them it is.
        return {}
    (figure,) = figures.values()
    return {
        name: own
        for name, value in values.items()
        if (own := _in_figure(value, figure)) is not value
    }


def _in_figure(value: Any, figure: Any) -> Any:
    axes = sys.modules["matplotlib.axes"].Axes
    if isinstance(value, axes):
        copy = value.figure
        if copy is figure or type(copy) is not type(figure):
            return value
        others = copy.axes
        if value not in others or len(others) != len(figure.axes):
            return value
        return figure.axes[others.index(value)]
    numpy = sys.modules["numpy"]
    if type(value) is numpy.ndarray and value.dtype == object:
        items = [_in_figure(item, figure) for item in value.flat]
        if any(one is not item for one, item in zip(items, value.flat, strict=True)):
            own = numpy.empty_like(value)
            own.flat = items
            return own
    return value
