"""The bytes that marimo hashes, made faster: they must be marimo's own."""

from __future__ import annotations

import random
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Iterator
from decimal import Decimal
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
import pytest
from marimo._save import encode, hash
from marimo._save.loaders import lazy

from marimo_cellar import _marimo
from tests.conftest import Write, ran
from tests.kernels import export

_NAMES = ("common_container_to_bytes", "is_data_primitive_container")
_THEIRS = {name: vars(hash)[name] for name in _NAMES}


class Colour(IntEnum):
    RED = 1


class Point(NamedTuple):
    x: object
    y: object


@pytest.fixture(autouse=True)
def taken_back() -> Iterator[None]:
    modules = (encode, hash, lazy)
    before = [{name: vars(m).get(name) for name in _NAMES} for m in modules]
    yield
    for module, names in zip(modules, before, strict=True):
        vars(module).update({k: v for k, v in names.items() if v is not None})


def made(rng: random.Random, depth: int = 0) -> Any:
    """A value, most of it such as notebooks have, some of it such as marimo refuses."""
    atoms: list[Callable[[], Any]] = [
        lambda: rng.randrange(-(2**63), 2**63),
        lambda: rng.choice([True, False, None]),
        lambda: rng.choice([0.0, -0.0, 1.5, float("inf"), float("nan")]),
        lambda: rng.choice(["", "a", "ä", "long " * 50, "\0"]),
        lambda: bytes(rng.randrange(256) for _ in range(rng.randrange(4))),
    ]
    if depth > 3 or rng.random() < 0.3:
        if rng.random() < 0.85:
            return rng.choice(atoms)()
        return rng.choice(
            [
                bytearray(b"abc"),
                np.float64(1.5),
                np.arange(3),
                Colour.RED,
                Decimal("1.5"),
                1 + 2j,
                2**70,
                chr(0xD800),
                object,
            ]
        )
    items = [made(rng, depth + 1) for _ in range(rng.choice([0, 1, 2, 3, 12]))]
    if rng.random() < 0.3:
        one = rng.choice(atoms)
        items = [one() for _ in range(rng.choice([2, 9, 20]))]
    if items and rng.random() < 0.2:
        items.append(rng.choice(items))
    keys = [rng.choice([str(n), n, f"{n}"]) for n in range(len(items))]
    kind = rng.choice(["list", "tuple", "dict", "set", "point", "other"])
    if kind == "dict":
        return dict(zip(keys, items, strict=True))
    if kind == "set":
        return {item for item in items if isinstance(item, (int, str, float))}
    if kind == "point":
        return Point(items, None)
    if kind == "other":
        return rng.choice(
            [
                OrderedDict(zip(map(str, keys), items, strict=True)),
                defaultdict(list, {"a": items}),
                Counter("abc"),
            ]
        )
    if kind == "list" and rng.random() < 0.1:
        items.append(items)
    return tuple(items) if kind == "tuple" else items


def said(ask: Callable[[Any], Any], value: Any) -> Any:
    try:
        return ask(value)
    except Exception as error:
        return type(error)


@pytest.mark.parametrize("seed", range(10))
def test_the_bytes_and_the_refusals_are_marimos(seed: int) -> None:
    rng = random.Random(seed)
    _marimo.encode_fast()
    refused = 0
    for _ in range(500):
        value = made(rng)
        for name, theirs in _THEIRS.items():
            expected = said(theirs, value)
            assert said(vars(hash)[name], value) == expected, (name, value)
            refused += isinstance(expected, type)
    assert 0 < refused < 500


def test_long_lists_of_one_kind_have_marimos_bytes() -> None:
    _marimo.encode_fast()
    ours = vars(lazy)["common_container_to_bytes"]
    theirs = _THEIRS["common_container_to_bytes"]
    assert ours is not theirs
    for values in (
        list(range(-500, 500)),
        [number / 7 for number in range(1000)],
        [number % 2 == 0 for number in range(1000)],
        [str(number) for number in range(1000)],
        {str(number): number for number in range(1000)},
        {number: None for number in range(1000)},
        {number * 3 for number in range(1000)},
        tuple(range(1000)),
        [1] * 1000 + [2**80],
        [1.0] * 1000 + [1],
    ):
        assert said(ours, values) == said(theirs, values)


def test_a_marimo_that_makes_other_bytes_keeps_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def others(value: Any) -> bytes:
        made: bytes = _THEIRS["common_container_to_bytes"](value)
        return made + b"2"

    monkeypatch.setattr(encode, "common_container_to_bytes", others)
    _marimo.encode_fast()
    assert vars(encode)["common_container_to_bytes"] is others
    assert {name: vars(hash)[name] for name in _NAMES} == _THEIRS


def test_what_marimo_cached_without_cellar_is_known_by_its_containers(
    write: Write, env: dict[str, str], plain_env: dict[str, str]
) -> None:
    notebook = write(
        "containers.py",
        make="""
            ran("made")
            numbers = list(range(1000))
            texts = {str(number): number / 7 for number in range(1000)}
            pairs = [(number, str(number)) for number in range(100)]
        """,
        read="ran('read'); total = sum(numbers) + len(texts) + len(pairs)",
        function="""
            @mo.persistent_cache
            def count(messages):
                ran("called")
                return len(messages)
        """,
        call="count([{'role': 'user', 'content': text, 'n': [1, 2]} for text in texts])",
    )
    export(notebook, plain_env)
    assert sorted(ran(notebook)) == ["called", "made", "read"]
    export(notebook, env)
    assert ran(notebook) == []
