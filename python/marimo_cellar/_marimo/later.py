"""Pickles that name what their notebook defines.

One that names a class or function of the notebook needs it when it is loaded, and marimo
loads most before it has made those of the same cell. They wait for them here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from marimo._save.stubs.lazy_stub import ImmediateReferenceStub, ReferenceStub

from marimo_cellar._marimo.by_name import loaded


class Later(ImmediateReferenceStub):
    """A pickle that names what its notebook defines, loaded for that one once its
    entry's other values are restored."""

    def __init__(
        self, name: str, data: Any, needs: frozenset[str], kind: str = ""
    ) -> None:
        """`needs` are those that it names; `kind` is its class, module and name."""
        super().__init__(ReferenceStub(name, blob=data))
        self.name = name
        self.needs = needs
        self.kind = kind

    def load(self, glbls: dict[str, Any]) -> Any:
        """The value, made with a notebook's globals. Raises what `by_name.loaded` does."""
        return loaded(self.to_bytes(), glbls)


def waiting(value: Any, names: Iterable[str]) -> Any:
    """A value of a loaded entry as a `Later`, if marimo loads it after a class alone.

    `names` are those of the entry's variables.
    """
    requires = getattr(value, "requires", "")
    if not isinstance(value, ImmediateReferenceStub) or not requires:
        return value
    name = value.reference.name.rpartition("/")[2].rpartition(".")[0]
    data = value.to_bytes()
    needs = named_in(data, names) or frozenset()
    return Later(name, data, needs, f"__main__.{requires}")


def named_in(data: Any, names: Iterable[str]) -> frozenset[str] | None:
    """Those of a notebook's names that a pickle may refer to; None if it refers to
    nothing that a notebook defines.

    All that it does refer to, and perhaps some that are no more than text in it.
    """
    if data.find(b"__main__", 0) < 0:
        return None
    texts = ((name, name.encode()) for name in names)
    return frozenset(
        name
        for name, text in texts
        # As all pickles of protocol 4 and later have a short text.
        if len(text) < 256 and data.find(b"\x8c" + bytes([len(text)]) + text, 0) >= 0
    )
