"""What each feature needs of marimo, and what is said where a marimo lacks it.

A marimo that lacks a name that one feature needs is joined all the same. That feature
alone is then as it is without Cellar, and the user hears of it once.
"""

from __future__ import annotations

from collections.abc import Callable

from marimo_cellar.notices import warn_once

# What Python raises where a name, or what it named, is another.
_LACKING = (ImportError, AttributeError, KeyError, TypeError)


def attempt(feature: str, instead: str, do: Callable[[], object]) -> bool:
    """Does what a feature needs. False, and one warning that says which marimo this
    is, which feature it does without and what happens instead, if a name is missing.
    """
    try:
        do()
    except _LACKING as error:
        warn_once(
            "marimo",
            feature,
            f"{version()} lacks what {feature} takes ({error!r}). {instead}",
        )
        return False
    return True


def version() -> str:
    """marimo and its version, as people write it."""
    try:
        import marimo

        return f"marimo {marimo.__version__}"
    except Exception:
        return "this marimo"
