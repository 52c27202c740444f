"""`npm run retention`: what each policy has computed anew, by trace and by budget.

Writes RETENTION.md and retention.svg into the folder above. With `--json`, prints
`{"vs_lru": ..., "vs_bound": ...}` and writes nothing. With `--habits`, prints what who
knows people's habits computes anew over what the clairvoyant does, by trace and in the
mean, in some twenty minutes.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import fmean

import report
from bound import Clairvoyant, lower_bound
from habits import Knower, prospects
from policies import POLICIES, ROWS, Policy
from traces import SCENARIOS, Result, Run, project, trace

# Shares of what all results of a trace would take.
BUDGETS = (0.01, 0.02, 0.05, 0.1, 0.2)
# The policy was chosen while looking at seeds 1 to 3; these were not looked at.
SEED = 11


def recomputed(policy: Policy, runs: list[Run], budget: int) -> float:
    """Seconds of computing what had been computed before; the first time is free."""
    known: set[str] = set()
    seconds = 0.0
    for run in runs:
        for result in run.requests:
            if not policy.has(result):
                if result.key in known:
                    seconds += result.seconds
                known.add(result.key)
            policy.use(result, run.at)
        policy.shrink(budget, run.at)
        assert policy.used <= budget, "a policy went over its budget"
    return seconds


def measure(seed: int) -> list[report.Trace]:
    measured = []
    for scenario in SCENARIOS:
        runs = trace(scenario, seed)
        results = _results(runs)
        total, budgets = _budgets(runs)
        rows: dict[str, list[float]] = {}
        makers: dict[str, Callable[[], Policy]] = dict(POLICIES)
        makers["clairvoyant"] = lambda runs=runs: Clairvoyant(runs)  # type: ignore[misc]
        for name, make in makers.items():
            print(f"{scenario.name}: {name}", file=sys.stderr, flush=True)
            rows[name] = [recomputed(make(), runs, budget) for budget in budgets]
        rows["lower bound"] = [lower_bound(runs, budget) for budget in budgets]
        measured.append(
            report.Trace(
                scenario.name,
                len(runs),
                sum(len(run.requests) for run in runs),
                len(results),
                total,
                sum(result.seconds for result in results.values()),
                budgets,
                rows,
            )
        )
    return measured


def knowable(seed: int) -> dict[str, float]:
    """The seconds of who knows the habits over the clairvoyant's, by trace."""
    found = {}
    for scenario in SCENARIOS:
        runs = trace(scenario, seed)
        hopes = prospects(project(scenario, seed), seed)
        _, budgets = _budgets(runs)
        known = sum(recomputed(Knower(hopes), runs, budget) for budget in budgets)
        seen = sum(recomputed(Clairvoyant(runs), runs, budget) for budget in budgets)
        found[scenario.name] = known / seen
        print(f"{scenario.name}: {known / seen:.2f}", file=sys.stderr, flush=True)
    return found


def _results(runs: list[Run]) -> dict[str, Result]:
    return {result.key: result for run in runs for result in run.requests}


def _budgets(runs: list[Run]) -> tuple[int, list[int]]:
    """What all results would take, and the shares of it, in bytes."""
    total = sum(result.size + ROWS for result in _results(runs).values())
    return total, [int(total * share) for share in BUDGETS]


def against(traces: list[report.Trace], other: str) -> float:
    """Cellar's seconds over another's, all budgets of a trace together, each trace
    counting the same."""
    return fmean(
        sum(trace.seconds["Cellar"]) / sum(trace.seconds[other]) for trace in traces
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--habits", action="store_true")
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args()
    if options.habits:
        ratios = {
            name: round(ratio, 3) for name, ratio in knowable(options.seed).items()
        }
        print(json.dumps({**ratios, "mean": round(fmean(ratios.values()), 3)}))
        return
    traces = measure(options.seed)
    ratios = {
        name: round(against(traces, other), 3)
        for name, other in (
            ("vs_lru", "LRU"),
            ("vs_bound", "clairvoyant"),
            ("vs_lower_bound", "lower bound"),
        )
    }
    if options.json:
        print(json.dumps({name: ratios[name] for name in ("vs_lru", "vs_bound")}))
        return
    folder = Path(__file__).parents[1]
    report.write(folder, traces, BUDGETS, ratios, options.seed)
    print(json.dumps(ratios))


main()
