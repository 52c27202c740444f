"""Where random numbers go on after a cell that came from the cache: where they would have,
had it run.

Served, a cell draws none. What the next cell drew would be the numbers that the served one
was made of, once more: noise that is the very sample that it is added to.

And what a cell drew after another one had seeded does not serve after another seed, which is
nowhere in its own code.
"""

from __future__ import annotations

import hashlib
import random
import struct
import sys
from collections.abc import Iterable, Mapping
from importlib import import_module
from types import FunctionType
from typing import Any

import msgspec
from marimo._runtime.context import get_context, safe_get_context
from msgspec import Struct

from marimo_cellar._marimo.contexts import names_read
from marimo_cellar._marimo.generators import digest_of_state, set_state, state_of
from marimo_cellar._marimo.looking_up import (
    LookedUp,
    after_lookup,
    before_lookup,
)
from marimo_cellar.notebook.process_settings import SEEDING, seeds

# Where an entry in memory has it, among what else marimo's `Cache.meta` holds.
RANDOM = "random"

_BEFORE = "_cellar_random"
_SEEDED = "_cellar_seeded"

# What a module gives as the state of its generator.
_Given = tuple[Any, ...]


class State(Struct, frozen=True):
    """Of a Mersenne Twister: its words, 32 bits each, little-endian, and what else its
    module gives with them. As bytes they take half the room that numbers take in JSON."""

    words: bytes
    rest: tuple[Any, ...]


class RandomState(Struct, frozen=True):
    """Of a `generator`: `before` is the digest, in hex, of what its state was before a cell
    ran, None where the cell itself seeds it; `after` its state afterwards.

    One that all of a process share goes by the name of its module, one of another cell by
    that of its variable. The state of the latter is a text (`state_of`).

    `seeded` is the digest of the state that the last cell before it left that had set it,
    empty where none had; None where that does not matter, or is not known."""

    generator: str
    before: str | None
    after: State | str
    seeded: str | None = None


class _Before(Struct, frozen=True):
    """What there was before a cell ran: `states` of the generators of a process, by module,
    and those that are variables of other cells, by name, with their states as texts."""

    cell_id: Any
    seeds: bool
    states: Mapping[str, _Given]
    shared: Mapping[str, Any]
    texts: Mapping[str, str]


def go_on_at_random() -> None:
    """Has the state of generators noted before a cell runs, for `random_states_after`, and
    set where it is served from an entry that has it (`RANDOM`)."""

    def next_is_looked_up(_: LookedUp) -> None:
        # Of a cell that is not saved nobody asks what it has changed.
        before: _Before | None = vars(get_context()).pop(_BEFORE, None)
        if before is not None:
            _note_seeded(before)

    def served(one: LookedUp, _: Any) -> None:
        if random_states := one.noted(RANDOM):
            _set(random_states)
            _set_shared(random_states, _shared(_read(one)))

    def runs(one: LookedUp) -> None:
        read = _read(one)
        shared = _shared(read)
        vars(get_context())[_BEFORE] = _Before(
            one.cell.cell_id,
            _seeds(one.cell, read),
            _states(),
            shared,
            _texts(shared),
        )

    before_lookup(next_is_looked_up)
    after_lookup(served, runs)


def random_states_after() -> list[RandomState]:
    """The generators whose states the cell that runs has changed; once."""
    context = get_context()
    running = context.execution_context
    before: _Before | None = vars(context).pop(_BEFORE, None)
    if running is None or before is None or before.cell_id != running.cell_id:
        return []
    _note_seeded(before)
    seeded = _seeded()
    found = [
        RandomState(name, digest_of_state(before.texts[name]).hex(), after)
        for name, after in _texts(before.shared).items()
        if before.texts[name] != after
    ]
    for generator, state in _states().items():
        was = before.states.get(generator)
        if was == state or (was is None and not before.seeds):
            continue
        after = _state(state)
        if was is None or before.seeds:
            found.append(RandomState(generator, None, after))
        else:
            seed = seeded.get(generator, "")
            found.append(RandomState(generator, _digest(_state(was)), after, seed))
    return found


def are_of_seed(random_states: Iterable[RandomState]) -> bool:
    """Whether a cell that drew what an entry has would draw after the same seed now."""
    seeded = _seeded()
    return all(
        one.seeded is None or one.seeded == seeded.get(one.generator, "")
        for one in random_states
    )


def _seeded() -> dict[str, str]:
    """By generator, the digest of the state that the last cell left that had set it."""
    context = safe_get_context()
    found: dict[str, str] = {}
    return found if context is None else vars(context).setdefault(_SEEDED, found)


def _note_seeded(before: _Before) -> None:
    """A cell has run, which found these states."""
    if before.seeds:
        _seeded().update(
            (generator, _digest(_state(state)))
            for generator, state in _states().items()
            if before.states.get(generator) != state
        )


def _read(one: LookedUp) -> dict[str, Any]:
    """What a cell reads, and what functions read which it reads."""
    namespace = one.namespace
    names = names_read(one.lifecycle._graph, one.cell, namespace)
    return {name: namespace[name] for name in names}


def _seeds(cell: Any, read: dict[str, Any]) -> bool:
    """Whether a cell sets where numbers begin, or one of the functions that it reads."""
    return seeds(cell.code) or any(
        isinstance(one, FunctionType) and not SEEDING.isdisjoint(one.__code__.co_names)
        for one in read.values()
    )


def _shared(read: dict[str, Any]) -> dict[str, Any]:
    """The generators among that."""
    return {name: value for name, value in read.items() if state_of(value) is not None}


def _texts(shared: Mapping[str, Any]) -> dict[str, str]:
    return {name: state_of(value) or "" for name, value in shared.items()}


def _set_shared(noted: Iterable[RandomState], shared: Mapping[str, Any]) -> None:
    for one in noted:
        if isinstance(one.after, str) and one.generator in shared:
            generator = shared[one.generator]
            if digest_of_state(state_of(generator) or "").hex() == one.before:
                set_state(generator, one.after)


def _states() -> dict[str, _Given]:
    """By the name of the module, as the module gives it: each cell that runs asks twice."""
    states: dict[str, _Given] = {"random": random.getstate()}
    if numbers := sys.modules.get("numpy.random"):
        state = numbers.get_state()
        # One that is no Mersenne Twister, which somebody may set, gives a dictionary.
        if isinstance(state, tuple):
            name, words, *rest = state
            states["numpy.random"] = (name, words.astype("<u4").tobytes(), *rest)
    return states


def _state(given: _Given) -> State:
    first, words, *rest = given
    if isinstance(words, bytes):
        return State(words, (first, *rest))
    *words, at = words
    return State(struct.pack(f"<{len(words)}I", *words), (first, at, *rest))


def _digest(state: State) -> str:
    return hashlib.sha256(msgspec.json.encode(state)).hexdigest()


def _set(noted: Iterable[RandomState]) -> None:
    states = _states() if noted else {}
    for one in noted:
        if isinstance(one.after, str):
            continue
        if one.before is not None and (
            one.generator not in states
            or one.before != _digest(_state(states[one.generator]))
        ):
            continue
        if one.before is None:
            _seeded()[one.generator] = _digest(one.after)
        words = [word for (word,) in struct.iter_unpack("<I", one.after.words)]
        if one.generator == "random":
            version, at, gauss = one.after.rest
            random.setstate((version, (*words, at), gauss))
        elif one.generator == "numpy.random":
            # NumPy imports it when it is asked for.
            name, *rest = one.after.rest
            import_module(one.generator).set_state((name, words, *rest))
