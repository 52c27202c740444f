"""Work alongside the caller's."""

from __future__ import annotations

import threading

from marimo_cellar.values.alongside import later


def test_later_acts_when_its_time_has_come() -> None:
    acted = threading.Event()
    later(0.01, acted.set)
    assert acted.wait(30)


def test_what_is_called_off_does_not_act() -> None:
    first, second = threading.Event(), threading.Event()
    call_off = later(0.05, first.set)
    call_off()
    later(0.2, second.set)
    assert second.wait(30)
    assert not first.is_set()
