"""What the audit hook adds to an `open`, in microseconds: as JSON, for bench/audit.ts.

The audit event alone is raised, as `open` raises it: what the disk takes would drown
the hook. A round is with nobody watched and with a kernel that is, in turn; before all
of them the process has no hook at all, which can never be taken out again.
"""

from __future__ import annotations

import json
import statistics
import sys
import threading
from collections.abc import Callable
from time import perf_counter

from marimo_cellar.entries import opens

ROUNDS = 101
OPENS = 2000


def raise_events() -> float:
    """Seconds for one event."""
    begin = perf_counter()
    for _ in range(OPENS):
        sys.audit("open", "data.csv", "r", 0)
    return (perf_counter() - begin) / OPENS


def in_a_thread() -> float:
    taken: list[float] = []
    thread = threading.Thread(target=lambda: taken.append(raise_events()))
    thread.start()
    thread.join()
    return taken[0]


def watched(ask: Callable[[], float]) -> float:
    watch = opens.Watch()
    try:
        return ask()
    finally:
        watch.end()


def main() -> None:
    bare = statistics.median(raise_events() for _ in range(ROUNDS))
    opens.install()
    found: dict[str, list[float]] = {"idle": [], "noted": [], "thread": []}
    for _ in range(ROUNDS):
        found["idle"].append(raise_events() - bare)
        found["noted"].append(watched(raise_events) - bare)
        found["thread"].append(watched(in_a_thread) - bare)
    print(json.dumps({name: statistics.median(of) * 1e6 for name, of in found.items()}))


if __name__ == "__main__":
    main()
