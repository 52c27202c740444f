"""What a cell shows by a call, as an SQL cell does: marimo keeps none of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from marimo_cellar._marimo.looking_up import LookedUp, after_lookup
from marimo_cellar._marimo.sources import unsaveable


def shown(values: Iterable[Any]) -> Any:
    """What the running cell has shown by a call, and not as its last expression; None if
    nothing, and what cannot be saved where another run could not show it, so that the
    cell is not served without.

    A table, which cannot be saved itself, is shown as what it is of, such as a query's
    rows; another element that is of one of the cell's `values`, as that one.
    """
    from marimo._runtime.context import get_context

    running = get_context().execution_context
    items = list(running.output._items) if running is not None else []
    if not items:
        return None
    from marimo._output.hypertext import Html
    from marimo._plugins.stateless.flex import vstack
    from marimo._plugins.ui import table
    from marimo._plugins.ui._core.ui_element import UIElement

    if len(items) == 1 and isinstance(items[0], UIElement):
        data = getattr(items[0], "_data", None)
        if isinstance(items[0], table):
            return data
        own = (one for one in values if one is data and data is not None)
        return next(own, unsaveable(items[0]))
    # An element, or a file in the kernel's memory, is gone with the kernel.
    texts = [item.text for item in items]
    if any("<marimo-ui-element" in text or "@file/" in text for text in texts):
        return unsaveable(items)
    pages = [Html(text) for text in texts]
    return vstack(pages) if len(pages) > 1 else pages[0]


def show_rows_as_queried() -> None:
    """Has the rows of an SQL cell that is served shown in the table that `mo.sql` shows them
    in, which has a footer also where they are few."""

    def served(one: LookedUp, skip: Any) -> None:
        if one.cell.language == "sql" and skip.result is not None:
            skip.result.output = _as_queried(skip.result.output)

    after_lookup(served)


def _as_queried(output: Any) -> Any:
    from marimo._output.formatters.df_formatters import include_opinionated
    from marimo._plugins.ui import table

    kind = type(output)
    is_frame = kind.__module__.startswith(("pandas", "polars"))
    if not is_frame or kind.__name__ != "DataFrame" or not include_opinionated():
        return output
    return table(output, selection=None, pagination=True)
