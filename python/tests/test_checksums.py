"""One CRC-32, whoever computes it, and at once what is worth a thread."""

from __future__ import annotations

import random
import sys
import threading
import types
import zlib
from collections.abc import Callable, Iterator
from importlib import import_module

import pytest

from marimo_cellar.values import checksums
from marimo_cellar.values.alongside import alongside, each

MB = 1024 * 1024
# Around the sizes at which another way begins.
SIZES = (0, 1, 9, 64 * 1024 - 1, 64 * 1024, 3 * MB, 4 * MB, 9 * MB + 17)
BYTES = random.Random(5).randbytes(SIZES[-1])


@pytest.fixture(autouse=True)
def libraries_unknown() -> Iterator[None]:
    # A test may have put another in its place, which is taken back after this.
    library = checksums._library
    library.cache_clear()
    yield
    library.cache_clear()


@pytest.fixture(params=["isal", "zlib_ng", "zlib"])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The one that is found."""
    name: str = request.param
    for package, module in checksums._MODULES:
        if package == name:
            pytest.importorskip(f"{package}.{module}")
        else:
            monkeypatch.setitem(sys.modules, f"{package}.{module}", None)
    return name


@pytest.mark.parametrize("processors", [1, 2, 3])
def test_every_way_gives_the_crc_of_zlib(
    processors: int, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checksums, "processors", lambda: processors)
    for size in SIZES:
        data = BYTES[:size]
        assert checksums.crc32_of(data) == zlib.crc32(data)
        assert checksums.crc32(data, 12345) == zlib.crc32(data, 12345)
    assert checksums.library() == library


def test_a_library_that_counts_otherwise_is_not_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for package, module in checksums._MODULES:
        wrong = types.ModuleType(module)
        vars(wrong)["crc32"] = lambda data, before=0: 1
        monkeypatch.setitem(sys.modules, package, types.ModuleType(package))
        monkeypatch.setitem(sys.modules, f"{package}.{module}", wrong)
    assert checksums.crc32(BYTES) == zlib.crc32(BYTES)
    assert checksums.library() == "zlib"


def test_a_library_is_not_imported_for_small_values(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(checksums, "_library", lambda: pytest.fail("it was"))
    assert checksums.crc32(BYTES[:60_000]) == zlib.crc32(BYTES[:60_000])


@pytest.mark.parametrize("seed", range(20))
def test_joined_parts_are_the_whole(seed: int) -> None:
    chance = random.Random(seed)
    data = chance.randbytes(chance.choice((0, 1, 100, 70_000)))
    cut = chance.randint(0, len(data))
    first, second = data[:cut], data[cut:]
    joined = checksums.joined(zlib.crc32(first), zlib.crc32(second), len(second))
    assert joined == zlib.crc32(data)


def test_work_alongside_answers_or_raises_as_often_as_it_is_asked() -> None:
    here = threading.get_ident()
    where = alongside(threading.get_ident)
    assert where() == where() != here
    failing = alongside(lambda: 1 // 0)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            failing()


def test_without_threads_it_is_done_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_thread(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(import_module("_thread"), "start_new_thread", no_thread)
    assert alongside(threading.get_ident)() == threading.get_ident()
    assert each(str, [1, 2, 3]) == ["1", "2", "3"]


def test_each_value_is_worked_on_once_and_a_failure_is_told() -> None:
    met: list[int] = []

    def work(one: int) -> int:
        met.append(one)
        return -one

    assert each(work, range(200)) == [-one for one in range(200)]
    assert sorted(met) == list(range(200))
    with pytest.raises(ZeroDivisionError):
        each(lambda one: 1 // one, [2, 1, 0, 1])


def test_the_caller_does_its_own_first_and_what_is_left_in_its_own_way() -> None:
    def mine() -> Callable[[int], str]:
        met.append("mine")
        return lambda one: f"mine {one}"

    met: list[str] = []
    answers = each(str, range(50), mine)
    assert met == ["mine"]
    for one, answer in enumerate(answers):
        assert answer in (str(one), f"mine {one}")
    # Also where nobody helps, and where nothing is to be done.
    assert each(str, [], mine) == []
    assert met == ["mine", "mine"]


def test_a_failure_of_the_caller_is_told_after_the_others_have_ended() -> None:
    def mine() -> Callable[[int], int]:
        return lambda one: 1 // 0

    def ours() -> Callable[[int], int]:
        raise LookupError

    with pytest.raises(LookupError):
        each(lambda one: one, [1, 2], ours)
    # Nobody else takes a part: the caller has to.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(import_module(each.__module__), "processors", lambda: 1)
        with pytest.raises(ZeroDivisionError):
            each(lambda one: one, [1, 2], mine)
