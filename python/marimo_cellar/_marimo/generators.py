"""Generators of random numbers that a notebook's cells share, such as
`rng = np.random.default_rng(1)`: each number that one cell draws is one that the next does
not. So what a cell draws depends on the state that it finds.
"""

from __future__ import annotations

import ast
import hashlib
import random
import sys
from collections.abc import Callable
from typing import Any

from marimo_cellar._marimo.contexts import place_of


def hash_generators_by_state() -> None:
    """Has the key of a cell depend on the state of the generators that it reads. marimo
    takes them for the code that they come from, whatever was drawn since.

    Not that of a call of a cached function, which nobody would call to draw anew.
    """
    from marimo._save.hash import BlockHasher, SerialRefs

    hashers: Any = BlockHasher
    serialize: Callable[..., Any] = hashers.serialize_and_dequeue_content_refs

    def serialize_generators(
        hasher: Any, refs: set[str], scope: dict[str, Any], *more: Any
    ) -> Any:
        cell = hasher.graph.cells.get(hasher.cell_id)
        if cell is None or hasher.module is not cell.mod:
            return serialize(hasher, refs, scope, *more)
        digests = {
            name: digest_of_state(state)
            for name in refs
            if (state := state_of(scope.get(name))) is not None
        }
        left, content, stateful = serialize(hasher, refs - digests.keys(), scope, *more)
        named = {
            place_of(name, hasher.cell_id): digest for name, digest in digests.items()
        }
        return SerialRefs(left, {**content, **named}, stateful)

    hashers.serialize_and_dequeue_content_refs = serialize_generators


def state_of(value: Any) -> str | None:
    """The state of a generator, as Python writes it; None of anything else."""
    kind = type(value)
    if kind is random.Random:
        return repr(value.getstate())
    # What is one of NumPy's has that imported.
    if str(kind.__module__).startswith("numpy.random") and _is_numpys(kind):
        if hasattr(value, "bit_generator"):
            return repr(_without_arrays(value.bit_generator.state))
        return repr(_without_arrays(value.get_state(legacy=False)))
    return None


def set_state(value: Any, state: str) -> None:
    """What `state_of` gave of such a one."""
    found = ast.literal_eval(state)
    if isinstance(value, random.Random):
        value.setstate(found)
    elif hasattr(value, "bit_generator"):
        value.bit_generator.state = found
    else:
        value.set_state(found)


def digest_of_state(state: str) -> bytes:
    """The SHA-256 of what `state_of` gave."""
    return hashlib.sha256(state.encode()).digest()


def _is_numpys(kind: type) -> bool:
    numbers = sys.modules["numpy.random"]
    return kind in (numbers.Generator, numbers.RandomState)


def _without_arrays(state: Any) -> Any:
    if isinstance(state, dict):
        return {name: _without_arrays(held) for name, held in state.items()}
    return state.tolist() if hasattr(state, "tolist") else state
