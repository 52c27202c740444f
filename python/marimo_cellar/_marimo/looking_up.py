"""What is done once marimo has looked a cell up: it is served from the cache, or it runs.

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

    def replace(look_up: _LookUp) -> _LookUp:
        def look_up_and_act(one: LookedUp) -> Any:
            skip = look_up(one)
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

        return look_up_and_act

    _replace_lookup(replace)


def run_without_key(tell: Callable[[str, BaseException], None]) -> None:
    """Has a cell for which marimo fails to make a key run, without the cache, where it
    would fail. `tell` is called with its code and the error."""

    def replace(look_up: _LookUp) -> _LookUp:
        def look_up_or_run(one: LookedUp) -> Any:
            try:
                return look_up(one)
            except (Exception, CacheException) as error:
                tell(one.cell.code, error)
            one.run_after_all()
            return None

        return look_up_or_run

    _replace_lookup(replace)


# What serves a cell, marimo's `Skip`; None of one that is to run.
_LookUp = Callable[[LookedUp], Any]


def _replace_lookup(replace: Callable[[_LookUp], _LookUp]) -> None:
    """Puts what `replace` makes of marimo's lookup of a cell in its place."""
    from marimo._runtime.executor.lifecycles.cached import CachedLifecycle

    cached: Any = CachedLifecycle
    set_up: Callable[..., Any] = cached.setup
    ours = replace(lambda one: set_up(*one))

    def look_up(lifecycle: Any, cell: Any, namespace: dict[str, Any]) -> Any:
        return ours(LookedUp(lifecycle, cell, namespace))

    cached.setup = look_up
