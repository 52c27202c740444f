"""What each feature needs of marimo, and what is said where a marimo lacks it.

A marimo that lacks a name that one feature needs is joined all the same. That feature
alone is then as it is without Cellar, and the user hears of it once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from marimo_cellar.notices import warn_once

T = TypeVar("T")

# What Python raises where a name, or what it named, is another.
_LACKING = (ImportError, AttributeError, KeyError, TypeError)


def answer(feature: str, instead: str, ask: Callable[[], T], otherwise: T) -> T:
    """What marimo says, or another answer, and one warning, if a name is missing.

    The warning says which marimo this is, which feature it does without and what
    happens instead, a sentence.
    """
    try:
        return ask()
    except _LACKING as error:
        warn_once(
            "marimo",
            feature,
            f"{version()} lacks what {feature} takes ({error!r}). {instead}",
        )
        return otherwise


def attempt(feature: str, instead: str, do: Callable[[], None]) -> None:
    """Does what a feature needs; what `answer` says, if a name is missing."""
    answer(feature, instead, do, None)


def version() -> str:
    """marimo and its version, as people write it."""
    try:
        import marimo

        return f"marimo {marimo.__version__}"
    except Exception:
        return "this marimo"
