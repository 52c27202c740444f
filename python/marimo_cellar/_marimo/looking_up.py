"""What is done as marimo looks a cell up, and then: it is served from the cache, or runs.

Each feature says here what it has to do then. It comes after those that said so before.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

from marimo._save.cache import CacheException


class LookedUp(NamedTuple):
    """A cell that marimo has looked up, by its lifecycle; `namespace` are the kernel's
    globals."""

    lifecycle: Any
    cell: Any
    namespace: dict[str, Any]

    def noted(self, name: str) -> Any:
        """What the entry that serves the cell has by a name of `Cache.meta`; None without."""
        return self.lifecycle._attempts[self.cell.cell_id].meta.get(name)

    def run_after_all(self) -> None:
        """Has it run, without an entry. What it reads, and came from the cache as a stub, is
        made first: for that marimo's `MarimoRescheduleError` is raised."""
        self.lifecycle._attempts.pop(self.cell.cell_id, None)
        self.lifecycle._preflight_refs(self.cell, self.namespace)


def before_lookup(act: Callable[[LookedUp], None]) -> None:
    """Has `act` called with each cell that marimo is about to look up, when the one before
    it has ended. What it raises is worth no lookup. Raises ImportError or AttributeError in
    a marimo that lacks the names.
    """
    lifecycles = _lifecycles()
    set_up: Callable[..., Any] = lifecycles.setup

    def act_and_set_up(lifecycle: Any, cell: Any, namespace: dict[str, Any]) -> Any:
        with suppress(Exception):
            act(LookedUp(lifecycle, cell, namespace))
        return set_up(lifecycle, cell, namespace)

    lifecycles.setup = act_and_set_up


def after_lookup(
    served: Callable[[LookedUp, Any], None],
    runs: Callable[[LookedUp], None] = lambda _: None,
    must_succeed: bool = False,
) -> None:
    """Has `served` called with each cell that is served and marimo's `Skip`, which has what
    is shown of it, and `runs` with each one that is about to run.

    What they raise is worth neither a result nor a run; but where `served` must succeed, the
    cell runs instead. Raises ImportError or AttributeError in a marimo that lacks the names.
    """
    lifecycles = _lifecycles()
    set_up: Callable[..., Any] = lifecycles.setup

    def set_up_and_act(lifecycle: Any, cell: Any, namespace: dict[str, Any]) -> Any:
        skip = set_up(lifecycle, cell, namespace)
        one = LookedUp(lifecycle, cell, namespace)
        if skip is None:
            with suppress(Exception):
                runs(one)
            return None
        try:
            served(one, skip)
        except Exception:
            if must_succeed:
                one.run_after_all()
                return None
        return skip

    lifecycles.setup = set_up_and_act


def run_without_key(tell: Callable[[str, BaseException], None]) -> None:
    """Has a cell for which marimo fails to make a key run, without the cache, where it
    would fail. `tell` is called with its code and the error."""
    lifecycles = _lifecycles()
    set_up: Callable[..., Any] = lifecycles.setup

    def set_up_or_run(lifecycle: Any, cell: Any, namespace: dict[str, Any]) -> Any:
        try:
            return set_up(lifecycle, cell, namespace)
        except (Exception, CacheException) as error:
            tell(cell.code, error)
        LookedUp(lifecycle, cell, namespace).run_after_all()
        return None

    lifecycles.setup = set_up_or_run


def _lifecycles() -> Any:
    """marimo's class of what looks cells up as it sets them up."""
    from marimo._runtime.executor.lifecycles.cached import CachedLifecycle

    return CachedLifecycle
