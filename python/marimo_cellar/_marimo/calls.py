"""Which call of a cached function a result is of. marimo hashes the arguments with all
else that the result depends on, and keeps none of them."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

# The cached function, and what marimo hashed with its arguments among it.
_saving: ContextVar[tuple[Any, Mapping[str, Any]] | None] = ContextVar(
    "cellar_call", default=None
)


def note_calls() -> None:
    """Has marimo say of which call it is, while it saves what a function returned."""
    from marimo._save import save

    cached = save._cache_call
    finish = cached._finalize_cache_update

    def noting(
        self: Any, attempt: Any, response: Any, runtime: float, scope: dict[str, Any]
    ) -> None:
        token = _saving.set((self, scope))
        try:
            finish(self, attempt, response, runtime, scope)
        finally:
            _saving.reset(token)

    # mypy has no method that is replaced.
    setattr(cached, "_finalize_cache_update", noting)  # noqa: B010


def arguments() -> dict[str, object]:
    """What is being saved was called with, by parameter in the function's own order,
    defaults included; nothing where that is no call.

    A method's object is not among it.
    """
    call = _saving.get()
    if call is None:
        return {}
    from marimo._ast.transformers import ARG_PREFIX

    function, scope = call
    named = [*function._args, *function._kwonly_args]
    found = {
        name: scope[f"{ARG_PREFIX}{name}"]
        for name in (*named, function._var_arg)
        if name is not None and f"{ARG_PREFIX}{name}" in scope
    }
    more = scope.get(f"{ARG_PREFIX}{function._var_kwarg}", {})
    return {**found, **{name: more[name] for name in more if name not in found}}
