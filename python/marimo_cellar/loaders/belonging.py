"""Who a loader's entries belong to: captured where it is built, on the kernel's
thread."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from marimo_cellar import _marimo
from marimo_cellar.entries.entries import Owner
from marimo_cellar.entries.roll import Roll
from marimo_cellar.session.running import Running
from marimo_cellar.session.saves import SavesInFlight
from marimo_cellar.session.session import Session, current_session


class Belonging:
    """Made while a loader is; `learn` may fail, and then it belongs to nobody."""

    def __init__(self) -> None:
        self.session: Session | None = None
        self.saves = SavesInFlight()
        self._kernel_id: str | None = None
        self._nobodys = Running()

    def running(self) -> Running:
        """What the kernel of this thread computes; a function may be called elsewhere
        than it was made."""
        session = current_session() or self.session
        return session.running if session is not None else self._nobodys

    def learn(self) -> None:
        """Asks marimo which kernel and which cell builds the loader."""
        self.session = current_session()
        if self.session is not None:
            self.saves = self.session.saves
            if _built_by_a_cell():
                self._kernel_id = self.session.running_cell()

    def owner(self) -> Owner:
        """The cell that the loader was built in, else the one that runs.

        A function's cache belongs to the cell that defines it, whoever calls it;
        one that comes with an imported module, to the caller.
        """
        if self._kernel_id is not None and self.session is not None:
            owner = self.session.owner(self._kernel_id)
            if owner.notebook is not None and owner.notebook.cell(self._kernel_id):
                return owner
        session = current_session() or self.session
        if session is None:
            return Owner(Roll(None))
        return session.owner(session.running_cell())


def _built_by_a_cell() -> bool:
    """Whether the loader being made is made by code of a cell itself.

    marimo's own frames lie between; code of an imported module has other globals.
    """
    context = _marimo.current_context()
    for namespace in _callers():
        if not _marimo.is_called_from_marimo(namespace):
            return context is not None and _marimo.is_cells_own_code(context, namespace)
    return False


def _callers() -> Iterator[dict[str, Any]]:
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_globals.get("__name__") not in ("functools", "contextlib"):
            yield frame.f_globals
        frame = frame.f_back  # type: ignore[assignment]
