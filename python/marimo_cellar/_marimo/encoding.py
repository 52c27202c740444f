"""The bytes of numbers, texts and plain containers, which marimo hashes, made faster.

For each item of a list marimo calls some ten functions, each time a cell that reads it
is looked up and once as it is saved: seconds for a million. The bytes are the same, as
keys are made of them, which kernels without Cellar share.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Any

ToBytes = Callable[[Any], bytes]

_whole_number = struct.Struct("q").pack
_number = struct.Struct("d").pack
_length = struct.Struct("!Q").pack

# What follows the eight bytes of a number.
_AFTER_WHOLE = _length(8) + b":int"
_AFTER_NUMBER = _length(8) + b":float"


def _signed(data: bytes, label: bytes) -> bytes:
    return b"".join((data, _length(len(data)), label))


_ATOMS: dict[type, ToBytes] = {
    int: lambda value: _whole_number(value) + _AFTER_WHOLE,
    bool: lambda value: _whole_number(value) + _AFTER_WHOLE,
    float: lambda value: _number(value) + _AFTER_NUMBER,
    str: lambda value: _signed(value.encode(), b":str"),
    bytes: lambda value: _signed(value, b":bytes"),
    type(None): lambda value: b":none",
}
_WHOLE_NUMBERS = {int, bool}
# As many items are not worth a look whether all are numbers.
_FEW = 8


def encode_fast() -> None:
    """Has marimo make the bytes of containers as here, if they come out the same."""
    from marimo._save import encode, hash
    from marimo._save.loaders import lazy

    theirs: ToBytes = encode.common_container_to_bytes
    ours = _encoder(theirs)
    if any(ours(value) != theirs(value) for value in _samples()):
        return
    is_theirs: Callable[[Any], bool] = vars(hash)["is_data_primitive_container"]

    def is_ours(value: Any) -> bool:
        return _holds_atoms(value) or is_theirs(value)

    for module in (encode, hash, lazy):
        names = vars(module)
        for name, function in (
            ("common_container_to_bytes", ours),
            ("is_data_primitive_container", is_ours),
        ):
            # Not each of them uses both, and not in each version.
            if name in names:
                names[name] = function


def _encoder(theirs: ToBytes) -> ToBytes:
    """What makes the bytes of a value; `theirs` does so of a single one, such as an
    array, of whose kind nothing is known here.

    It raises what `theirs` raises.
    """

    def to_bytes(value: Any) -> bytes:
        visited: dict[int, int] = {}

        def encoded(value: Any) -> bytes:
            if atom := _ATOMS.get(type(value)):
                return atom(value)
            if id(value) in visited:
                return _signed(bytes(visited[id(value)]), b":id")
            if isinstance(value, tuple):
                return joined(value, b":tuple")
            if not isinstance(value, (dict, list, set)):
                return theirs(value)
            visited[id(value)] = len(visited)
            if isinstance(value, dict):
                return joined(_sorted_items(value), b":dict")
            if isinstance(value, list):
                return joined(value, b":list")
            return joined(sorted(value), b":set")

        def joined(items: Sequence[Any], label: bytes) -> bytes:
            end = _length(len(items)) + label
            if len(items) > _FEW:
                kinds = set(map(type, items))
                if kinds <= _WHOLE_NUMBERS:
                    end = _AFTER_WHOLE + end
                    return _AFTER_WHOLE.join(map(_whole_number, items)) + end
                if kinds == {float}:
                    end = _AFTER_NUMBER + end
                    return _AFTER_NUMBER.join(map(_number, items)) + end
            return b"".join([*map(encoded, items), end])

        return encoded(value)

    return to_bytes


def _sorted_items(value: dict[Any, Any]) -> list[tuple[Any, Any]]:
    # Texts in their order are sorted in half the time without the pairs. Of others, two
    # may be equal to what sorts them.
    by_key = itemgetter(0) if set(map(type, value)) == {str} else None
    return sorted(value.items(), key=by_key)


def _holds_atoms(value: Any) -> bool:
    """Whether it is a plain container of numbers and texts alone."""
    kind = type(value)
    if kind not in (dict, list, set, tuple):
        return False
    if not _ATOMS.keys() >= set(map(type, value)):
        return False
    return kind is not dict or _ATOMS.keys() >= set(map(type, value.values()))


def _samples() -> Iterable[Any]:
    """Of each kind one, and each of them twice in one that holds itself."""
    atoms = [3, True, -2.5, "a", "ä", b"\0", None]
    mixed: list[Any] = [atoms, (1, [2.0]), {"a": atoms, "b": set()}, [1, False], [0.5]]
    return [atoms, mixed, [*mixed, mixed, bytearray(b"a")], {2, 1}, {"b": 1, "a": 2.0}]
