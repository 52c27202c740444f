"""Kinds of cells whose functions call others, and are edited within."""

from __future__ import annotations

from tests.resilience.kind import Kind, made_by


def _called(kind: str) -> Kind:
    return Kind("{v} = {of}({n}), {dep}", needs=kind)


FUNCTION_KINDS = {
    "calling": made_by("def {v}(x):\n    return {of}(x), {n}", needs="function"),
    "calling called": _called("calling"),
    "calling calling": made_by("def {v}(x):\n    return {of}(x)", needs="calling"),
    "calling calling called": _called("calling calling"),
    "calling a closure": made_by("def {v}(x):\n    return {of}(x)", needs="closure"),
    "calling a closure called": _called("calling a closure"),
    "private function": made_by("""
        _{v}_n = [{n}]
        def _{v}(x, y={n}):
            return x, y, _{v}_n
        def {v}(x):
            return _{v}(x)
    """),
    "private function called": _called("private function"),
    "private class": made_by("""
        _{v}_n = {n}
        class _{v}:
            def get(self, x):
                return x, _{v}_n
        class {v}_of(_{v}):
            def get(self, x):
                return super().get(x), {n}
        def {v}(x):
            return {v}_of().get(x)
    """),
    "private class called": _called("private class"),
    "cached calling": made_by(
        """
        @mo.persistent_cache
        def {v}(x):
            ran("{v} called")
            return [{of}(x), {n}]
        """,
        needs="calling",
    ),
    "cached calling called": _called("cached calling"),
    "cached in one cell": made_by("""
        @mo.persistent_cache
        def {v}_in(x):
            ran("{v} in called")
            return [x, {n}, {dep}]

        @mo.persistent_cache
        def {v}(x):
            ran("{v} called")
            return [{v}_in(x), {n}]
    """),
    "cached in one cell called": _called("cached in one cell"),
    "caching what is given": made_by("""
        @mo.persistent_cache
        def {v}(f):
            ran("{v} called")
            return [f({n})] if callable(f) else f
    """),
    "given": Kind("{v} = {of}(lambda x: (x, {n}))", needs="caching what is given"),
    "factory of cached": made_by(
        """
        def {v}(n):
            @mo.persistent_cache
            def made(x):
                ran("{v} called")
                return [x, n, {n}]
            return made
        """,
        "{v}(1)(2)",
    ),
    "of a factory": Kind("{v} = {of}({n})(1)", needs="factory of cached"),
}
