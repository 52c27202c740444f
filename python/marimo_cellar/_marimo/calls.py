"""Which call of a cached function a result is of. marimo hashes the arguments with all
else that the result depends on, and keeps none of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

# In what marimo hashes a call with, and then hands on to what saves its result.
_CALL = "_cellar_call"
_saving: ContextVar[str | None] = ContextVar("cellar_call", default=None)


def note_calls(say: Callable[[Mapping[str, object]], str | None]) -> None:
    """Has marimo tell of which call a result is while it saves what a function returned:
    see `call`.

    `say` makes a text of the arguments, before the function runs, which may change them.
    They are by parameter in the function's own order, defaults included, and without a
    method's object. An error of it says nothing.
    """
    from marimo._save import save

    cached = save._cache_call
    prepare, finish = cached._prepare_call_execution, cached._finalize_cache_update

    def preparing(
        self: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[dict[str, Any], Any, Any]:
        scope, context, attempt = prepare(self, args, kwargs)
        if not attempt.hit:
            with suppress(Exception):
                scope[_CALL] = say(_arguments(self, scope))
        return scope, context, attempt

    def finishing(
        self: Any, attempt: Any, response: Any, runtime: float, scope: dict[str, Any]
    ) -> None:
        token = _saving.set(scope.get(_CALL))
        try:
            finish(self, attempt, response, runtime, scope)
        finally:
            _saving.reset(token)

    # mypy has no method that is replaced.
    setattr(cached, "_prepare_call_execution", preparing)  # noqa: B010
    setattr(cached, "_finalize_cache_update", finishing)  # noqa: B010


def call() -> str | None:
    """What the result that is being saved was called with, in the words of what
    `note_calls` was given; None where that is no call."""
    return _saving.get()


def _arguments(function: Any, scope: Mapping[str, Any]) -> dict[str, object]:
    from marimo._ast.transformers import ARG_PREFIX

    named = [*function._args, *function._kwonly_args]
    found = {
        name: scope[f"{ARG_PREFIX}{name}"]
        for name in (*named, function._var_arg)
        if name is not None and f"{ARG_PREFIX}{name}" in scope
    }
    more = scope.get(f"{ARG_PREFIX}{function._var_kwarg}", {})
    return {**found, **{name: more[name] for name in more if name not in found}}
