"""Good input, damaged by chance."""

from __future__ import annotations

import json
import random
from typing import Any

TEXTS = (
    "", "\0", "/", "..", "../../x", "C:\\x", "cache.db", "a" * 300, "é\u2028", "\ud800",
    "~", "[", '"', "{}", "[]", "null", "1e999", "-1", "\\", "'''", 'f"{', "#", "\t\n\f",
)  # fmt: skip
NUMBERS = (0, -1, 1, 2**31, 2**63 - 1, -(2**63), 0.5, 1e308)


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Bytes with some flipped, cut out, doubled or replaced by what hurts."""
    result = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(result) + 1)
        end = min(len(result), at + chance.choice((1, 1, 2, 8, 40)))
        match chance.randrange(6):
            case 0 if at < len(result):
                result[at] ^= 1 << chance.randrange(8)
            case 1:
                del result[at:end]
            case 2:
                result[at:at] = result[at:end] * chance.choice((1, 2, 50))
            case 3:
                text = chance.choice(TEXTS)
                result[at:end] = text.encode("utf-8", "surrogatepass")
            case 4:
                result[at:end] = chance.randbytes(end - at)
            case _:
                del result[at:]
    return bytes(result)


def twisted(value: Any, chance: random.Random) -> Any:
    """A JSON value with some part of it replaced by another value or type."""
    if isinstance(value, dict) and value and chance.random() < 0.85:
        key = chance.choice(sorted(value))
        twist = twisted(value[key], chance)
        rest = {name: old for name, old in value.items() if name != key}
        if chance.random() < 0.2:
            return rest
        return rest | {chance.choice((key, key, chance.choice(TEXTS))): twist}
    if isinstance(value, list) and value and chance.random() < 0.7:
        at = chance.randrange(len(value))
        return [*value[:at], twisted(value[at], chance), *value[at + 1 :]]
    return chance.choice((None, True, [], {}, [value], {"x": value}, *NUMBERS, *TEXTS))


def text_of(chance: random.Random, good: str) -> str:
    """A text made of damaged UTF-8."""
    return damaged(good.encode(), chance).decode("utf-8", "replace")


def made_json(content: Any, chance: random.Random) -> bytes:
    """JSON of the content, twisted or damaged or both, and at times far too deep."""
    if chance.random() < 0.02:
        return b"[" * 100_000
    if chance.random() < 0.6:
        content = twisted(content, chance)
    text = json.dumps(content).encode("utf-8", "replace")
    return damaged(text, chance) if chance.random() < 0.5 else text
