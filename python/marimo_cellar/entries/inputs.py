"""What marimo's hash of an entry stood on besides code.

Where marimo hashes what variables hold, it makes a digest of each; of a module that is
pinned, its version. Nothing is computed here: what it made is written down with the
entry, and by it the next miss is explained (`why.py`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from marimo_cellar import _marimo

# Half a SHA-256: it is compared with those of one cell's other entries, no more.
_DIGEST_BYTES = 16
_MODULE = b"module:"


class Inputs(Struct, frozen=True):
    """`values` are digests in hex of what variables held, `modules` versions; each by
    the name that the code has for it."""

    values: Mapping[str, str] = field(default_factory=dict)
    modules: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """As the table `inputs` has them."""
        return json.dumps({"values": self.values, "modules": self.modules})


def inputs_of(key: _marimo.HashKey) -> Inputs | None:
    """What a key is the hash of; None where marimo did not say."""
    hashed = _marimo.hashed_in(key)
    if hashed is None:
        return None
    values, modules = {}, {}
    for given, value in hashed.items():
        # marimo marks a function's arguments, which its code does not.
        name = given.lstrip("*")
        if value.startswith(_MODULE) and value.endswith(b":module"):
            # `type_sign` in marimo/_save/encode.py: the text, its length, a label.
            text = value[: -len(b":module") - 8].decode("utf-8", "replace")
            if version := text.rpartition(":")[2]:
                modules[name] = version
        else:
            digest = value if len(value) == 32 else hashlib.sha256(value).digest()
            values[name] = digest[:_DIGEST_BYTES].hex()
    return Inputs(values, modules)


def parse(text: object) -> Inputs | None:
    """What `to_json` made, or None for anything else."""
    try:
        found: Any = json.loads(text) if isinstance(text, str) else None
        return Inputs(_texts(found["values"]), _texts(found["modules"]))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _texts(found: Mapping[object, object]) -> dict[str, str]:
    return {str(name): str(value) for name, value in found.items()}
