"""Which call of a cached function a result is of. marimo hashes the arguments with all
else that the result depends on, and keeps none of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from contextvars import ContextVar
from typing import Any, NamedTuple

# In what marimo hashes a call with, and then hands on to what saves its result.
_CALL = "_cellar_call"


class Call(NamedTuple):
    """`arguments` are by parameter in the function's own order, defaults included, and
    without a method's object; `said` is what `note_calls` was given to say of them before
    the function ran, which may have changed them."""

    arguments: Mapping[str, object]
    said: str | None


_saving: ContextVar[Call | None] = ContextVar("cellar_call", default=None)


def note_calls(say: Callable[[Mapping[str, object]], str | None]) -> None:
    """Has marimo tell of which call a result is while it saves what a function returned:
    see `call`.

    `say` makes a text of the arguments, and says nothing where it raises.
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
                arguments = _arguments(self, scope)
                scope[_CALL] = Call(arguments, say(arguments))
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


def call() -> Call | None:
    """The one whose result is being saved; None where that is no call."""
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
