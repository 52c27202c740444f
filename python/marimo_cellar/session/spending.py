"""Spending: what computations cost in money, as the code that spends it says.

A running total for each kernel, which only grows. What an entry cost is what was spent
between the lookup that missed and the save, so that a function, and the cell that calls
it, each have what they would cost to be made again. Cells that run at the same time
(`async`) cannot be told apart, and neither can the kernels of one process by what is
spent on threads of the user's own: each of them counts that.
"""

from __future__ import annotations

import math

from marimo_cellar.entries.entries import Cost
from marimo_cellar.forks import Lock
from marimo_cellar.notices import warn_once
from marimo_cellar.session.session import Session, current_session

# Where nobody says what an hour of computing costs, 1 is worth a minute of it.
_SECONDS_FOR_ONE = 60.0

_lock = Lock()
_without_kernel = 0.0


def cost(amount: float) -> None:
    """Says that the cell, function or block that runs has just cost so much money.

    It is kept with the result and has its part in what that is worth, so that an
    answer that was paid for outlives others. In whatever currency you count in; what
    is no amount, or less than nothing, is passed over with a warning.
    """
    global _without_kernel
    try:
        value = float(amount)
    except (TypeError, ValueError):
        value = math.nan
    if not 0 <= value < math.inf:
        warn_once("cost", repr(amount), f"{amount!r} is not a cost, and not counted.")
        return
    try:
        session = current_session()
    except Exception:
        session = None
    with _lock.native:
        if session is None:
            _without_kernel += value
        else:
            session.spent += value


def spent(session: Session | None) -> float:
    """What a kernel has spent so far."""
    with _lock.native:
        return _without_kernel + (0.0 if session is None else session.spent)


def cost_of(paid: float, runtime: float | None, per_hour: float | None) -> Cost | None:
    """What a result cost: what was paid, and the hours it took where they have a price.

    Those are not worth anything beside the runtime itself. None if it cost nothing.
    """
    amount = paid + (runtime or 0.0) * (per_hour or 0.0) / 3600
    if not 0 < amount < math.inf:
        return None
    seconds = paid * (3600 / per_hour if per_hour else _SECONDS_FOR_ONE)
    return Cost(amount, min(seconds, 1e9))
