"""Entries whose values are turned into what is saved, and back, without a loss.

As it saves, marimo replaces what has no bytes of its own (functions, classes, modules,
UI elements) by stubs, also within containers, and makes those anew from their nearest
plain class: a named tuple becomes a tuple, and while a block is saved so do those in
the user's own lists.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from contextlib import suppress
from copy import deepcopy
from dataclasses import fields
from typing import Any

from marimo._save.cache import Cache
from marimo._save.stubs.lazy_stub import UnhashableStub

from marimo_cellar._marimo.containers import (
    ATOMS,
    PLAIN,
    holds_atoms,
    is_derived,
    with_items,
)
from marimo_cellar._marimo.figures import axes_of_own_figure
from marimo_cellar._marimo.generators import state_of
from marimo_cellar._marimo.later import Later
from marimo_cellar._marimo.printed import CONSOLE, printed
from marimo_cellar._marimo.privates import give_source, name_privates
from marimo_cellar._marimo.random_states import RANDOM, random_states_after
from marimo_cellar._marimo.shown import shown
from marimo_cellar._marimo.sources import (
    class_stub,
    is_its_source,
    is_of_notebook,
    is_remembering,
    remembering_stub,
    unsaveable,
    with_texts,
)


class WholeCache(Cache):
    """marimo's entry in memory, whose values come back as what they are."""

    # Whether its values are all that a cell defines, and stay until that runs again.
    of_cell: bool
    # Told the names of what a cell makes that is no variable, such as a database's table:
    # of such a cell marimo saves nothing.
    tell_lacking: Callable[[list[str]], None]
    # Classes whose values neither are stubs nor need any, as was found so far.
    _needless: set[type]

    def plain(self) -> Cache:
        """The same as marimo's own class, which is what a pickle may name."""
        return Cache(**{one.name: getattr(self, one.name) for one in fields(Cache)})

    # marimo's interface

    def update(
        self,
        scope: dict[str, Any],
        meta: dict[Any, Any] | None = None,
        preserve_pointers: bool = True,
    ) -> None:
        if not self.of_cell:
            super().update(scope, meta, preserve_pointers)
            return
        defs = self.contextual_defs()
        if lacking := [name for name, place in defs if place not in scope]:
            self.tell_lacking(lacking)
        super().update(scope, self._with_shown(scope, meta), preserve_pointers)
        kept: dict[Any, Any] = self.meta
        with suppress(Exception):
            kept[CONSOLE] = printed()
        with suppress(Exception):
            kept[RANDOM] = random_states_after()

    def _with_shown(
        self, scope: dict[str, Any], meta: dict[Any, Any] | None
    ) -> dict[Any, Any] | None:
        """What marimo notes of a cell, with what that showed by a call."""
        if meta is not None and meta.get("return") is None:
            with suppress(Exception):
                return {**meta, "return": shown(scope[name] for name in self._names())}
        return meta

    def _names(self) -> list[str]:
        return [place for _, place in self.contextual_defs()]

    def restore(self, scope: dict[str, Any]) -> None:
        super().restore(scope)
        if self.of_cell:
            with suppress(Exception):
                self._hand_over_digests(scope)
            with suppress(Exception):
                restored = {
                    name: scope[name] for name in self._names() if name in scope
                }
                scope.update(axes_of_own_figure(restored))

    def _restore_deps(self, value: Any) -> set[str]:
        if isinstance(value, Later):
            return set(value.needs)
        return super()._restore_deps(value)

    def _convert_to_stub_if_needed(
        self,
        value: Any,
        memo: dict[int, Any] | None = None,
        preserve_pointers: bool = True,
    ) -> Any:
        # The containers are made anew. In place, the user's own would have stubs in them.
        del preserve_pointers
        kind = type(value)
        if kind in ATOMS or kind in self._needless:
            return value
        memo = {} if memo is None else memo
        if id(value) in memo:
            return memo[id(value)]
        if kind in PLAIN:
            return self._converted(value, memo)
        if is_derived(value):
            memo[id(value)] = value
            stub = with_items(value, lambda item: self._convert(item, memo))
        elif inspect.isfunction(value) and is_of_notebook(value):
            if is_its_source(value):
                stub = super()._convert_to_stub_if_needed(value, memo, False)
                return with_texts(stub, value)
            stub = unsaveable(value)
        elif inspect.isclass(value) and is_of_notebook(value):
            stub = class_stub(value, self._cell_filename())
            if stub is None:
                stub = super()._convert_to_stub_if_needed(value, memo, False)
            if stub is value:
                # By its name, as it would be pickled, nobody finds it in the next run.
                stub = unsaveable(value)
        elif is_remembering(value) and is_of_notebook(value):
            stub = remembering_stub(value)
        elif state_of(value) is not None:
            # It is written on another thread, while cells below draw from it.
            stub = deepcopy(value)
        else:
            stub = super()._convert_to_stub_if_needed(value, memo, False)
            if stub is value and not callable(value):
                self._needless.add(kind)
            return stub
        memo[id(value)] = stub
        return stub

    def _convert(self, value: Any, memo: dict[int, Any]) -> Any:
        return self._convert_to_stub_if_needed(value, memo, False)

    def _restore_from_stub_if_needed(
        self, value: Any, scope: dict[str, Any], memo: dict[int, Any] | None = None
    ) -> Any:
        kind = type(value)
        if kind in ATOMS or kind in self._needless:
            return value
        memo = {} if memo is None else memo
        if id(value) in memo:
            return memo[id(value)]
        if kind in PLAIN:
            return self._restored(value, scope, memo)
        if isinstance(value, Later):
            restored = self._loaded(value, scope, memo)
        elif is_derived(value):
            memo[id(value)] = value
            restored = with_items(
                value,
                lambda item: self._restore_from_stub_if_needed(item, scope, memo),
            )
        else:
            give_source(value)
            restored = super()._restore_from_stub_if_needed(value, scope, memo)
            if restored is value:
                self._needless.add(kind)
            else:
                name_privates(restored, self.contextual_defs(), scope)
            return restored
        memo[id(value)] = restored
        return restored

    # Plain containers, each by one call. marimo takes a call for each value, and two on
    # the stack for each container within another, of which there is room for a thousand.

    def _converted(self, value: Any, memo: dict[int, Any]) -> Any:
        """A plain container with stubs, made anew."""
        if id(value) in memo:
            return memo[id(value)]
        kind = type(value)
        if holds_atoms(value):
            memo[id(value)] = kind(value)
            return memo[id(value)]
        # A set or a tuple holds nothing that holds it.
        made: Any = {} if kind is dict else []
        if kind in (dict, list):
            memo[id(value)] = made
        for at, item in value.items() if kind is dict else enumerate(value):
            one = type(item)
            if one in PLAIN:
                item = self._converted(item, memo)
            elif one not in ATOMS and one not in self._needless:
                item = self._convert_to_stub_if_needed(item, memo)
            if kind is dict:
                made[at] = item
            else:
                made.append(item)
        if kind not in (dict, list):
            memo[id(value)] = kind(made)
        return memo[id(value)]

    def _restored(self, value: Any, scope: dict[str, Any], memo: dict[int, Any]) -> Any:
        """A plain container with what stubs stand for: itself, but for a tuple."""
        if id(value) in memo:
            return memo[id(value)]
        memo[id(value)] = value
        if holds_atoms(value):
            return value
        kind = type(value)
        changed: list[tuple[Any, Any, Any]] = []
        for at, item in value.items() if kind is dict else enumerate(value):
            one = type(item)
            if one in ATOMS or one in self._needless:
                continue
            if one in PLAIN:
                restored = self._restored(item, scope, memo)
            else:
                restored = self._restore_from_stub_if_needed(item, scope, memo)
            if restored is not item:
                changed.append((at, item, restored))
        if kind in (dict, list):
            for at, _, restored in changed:
                value[at] = restored
        elif kind is set:
            for _, item, restored in changed:
                value.discard(item)
                value.add(restored)
        elif changed:
            items = list(value)
            for at, _, restored in changed:
                items[at] = restored
            memo[id(value)] = tuple(items)
        return memo[id(value)]

    def _loaded(self, later: Later, scope: dict[str, Any], memo: dict[int, Any]) -> Any:
        try:
            value = later.load(scope)
        except Exception as error:
            if later.name == "return":
                raise
            # As marimo does where a module is missing: the cell runs again if another
            # one uses the value.
            return UnhashableStub(
                var_name=later.name, type_name=later.kind, error_msg=str(error)
            )
        return self._restore_from_stub_if_needed(value, scope, memo)

    def _hand_over_digests(self, scope: dict[str, Any]) -> None:
        """Has marimo take the digests of arrays and frames that were made as these were
        saved.

        Anew they take long, and may be others: of a frame, marimo hashes its numbers in
        the order that they have in memory, which Arrow does not keep.
        """
        from marimo._plugins.ui._core.ui_element import UIElement
        from marimo._runtime.context import get_context
        from marimo._save.cache import HashMemoCleanup

        digests: Mapping[str, str] = self.meta.get("variable_hashes") or {}
        values = {name: scope[place] for name, place in self.contextual_defs()}
        if not digests or any(isinstance(one, UIElement) for one in values.values()):
            # With UI elements, the cell runs all the same.
            return
        context = get_context()
        running = context.execution_context
        known = {
            name: bytes.fromhex(digests[name])
            for name, value in values.items()
            if digests.get(name) and context.cache.is_memoizable(value)
        }
        if running is not None and known:
            cleanup = HashMemoCleanup()
            context.cell_lifecycle_registry.inject(running.cell_id, cleanup)
            context.cache.hash_memo.update(known)


def whole(
    cache: Cache,
    of_cell: bool = False,
    tell_lacking: Callable[[list[str]], None] = lambda _: None,
) -> WholeCache:
    """A cache that a lookup gave, for its values to be saved or restored whole;
    `of_cell` where they are all that a cell defines."""
    made = WholeCache(**vars(cache))
    made.of_cell = of_cell
    made.tell_lacking = tell_lacking
    made._needless = set()
    return made
