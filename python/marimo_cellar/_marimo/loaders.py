"""Loaders: what they write and read, and ours in their places."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from marimo._save.hash import HashKey
from marimo._save.loaders import (
    PERSISTENT_LOADERS,
    BasePersistenceLoader,
    DualLoader,
)
from marimo._save.stores import Store

# Where marimo's cached functions are of.
CACHING = "marimo._save.save"

Kind = TypeVar("Kind", bound=BasePersistenceLoader)


def replace_loader(name: str, ours: type[BasePersistenceLoader]) -> None:
    """Puts a loader in the place of marimo's of that name, except in browsers."""
    theirs: Any = PERSISTENT_LOADERS[name]  # type: ignore[index]
    wasm = theirs.wasm if isinstance(theirs, DualLoader) else theirs
    PERSISTENT_LOADERS[name] = DualLoader(native=ours, wasm=wasm)  # type: ignore[index]


def is_ui(value: Any) -> bool:
    """Whether a cached value is a UI element, which marimo makes anew in each run."""
    from marimo._plugins.ui._core.ui_element import UIElement
    from marimo._save.stubs import UIElementStub

    return isinstance(value, UIElement | UIElementStub)


def is_stub(value: Any) -> bool:
    """Whether it stands for a variable that could not be saved, whose cell marimo runs
    for whoever uses it."""
    return bool(getattr(type(value), "__marimo_unhashable__", False))


def cached_function(value: Any) -> Any | None:
    """The user's function that one cached by marimo calls; None of anything else."""
    if type(value).__module__ != CACHING:
        return None
    return getattr(value, "__wrapped__", None)


def is_local(name: str) -> bool:
    """Whether only the cell that defines a name can use it."""
    from marimo._ast.variables import is_local

    return is_local(name)


def replace_choice_of_format(
    replace: Callable[[Callable[[Any], str]], Callable[[Any], str]],
) -> None:
    """Puts what `replace` makes of marimo's choice of a value's format in its place."""
    from marimo._save.loaders import lazy

    names = vars(lazy)
    names["maybe_update_lazy_stub"] = replace(names["maybe_update_lazy_stub"])


def replace_serialiser(
    format: str, replace: Callable[[Callable[[Any], bytes]], Callable[[Any], bytes]]
) -> None:
    """Puts what `replace` makes of marimo's serialiser of a format in its place."""
    from marimo._save.stubs.lazy_stub import BLOB_SERIALIZERS

    BLOB_SERIALIZERS[format] = replace(BLOB_SERIALIZERS[format])


def replace_deserialisers(
    replace: Callable[[str, Callable[..., Any]], Callable[..., Any]],
    suffixes: Iterable[str],
) -> None:
    """Puts what `replace` makes of marimo's deserialisers in their places."""
    from marimo._save.stubs.lazy_stub import BLOB_DESERIALIZERS

    BLOB_DESERIALIZERS.update(
        {suffix: replace(suffix, BLOB_DESERIALIZERS[suffix]) for suffix in suffixes}
    )


def through(format: str, value: Any) -> Any:
    """What becomes of a value that is saved in a format and restored."""
    from marimo._save.stubs import lazy_stub

    hint = f"{type(value).__module__}.{type(value).__name__}"
    data = lazy_stub.BLOB_SERIALIZERS[format](value)
    return lazy_stub.BLOB_DESERIALIZERS[f".{format}"](data, hint)


def take_digests(known: Callable[[Any], str | None]) -> None:
    """Has a `lazy` loader that signs what it saves ask for the digest of each value, in
    hex, before it makes one. What it verifies it hashes itself."""
    from marimo._save.loaders import lazy

    make: Callable[[Any], str] = vars(lazy)["_sha256hex"]
    vars(lazy)["_sha256hex"] = lambda data: known(data) or make(data)


def sign_besides(digests: Callable[[], Mapping[str, str]]) -> None:
    """Has a `lazy` loader sign more than what it saves itself: what is asked for, as it
    signs, is digests in hex by key; none while it verifies."""
    from marimo._save.loaders import lazy

    signable: Callable[[Any], bytes] = vars(lazy)["_signable_bytes"]

    def signable_bytes(manifest: Any) -> bytes:
        manifest.meta.blob_hashes.update(digests())
        return signable(manifest)

    vars(lazy)["_signable_bytes"] = signable_bytes


def check_signed(
    key: str, data: Any, hashes: dict[str, str] | None, signer: Any
) -> None:
    """Raises as marimo does before it loads what is not the blob that was signed."""
    from marimo._save.loaders import lazy

    vars(lazy)["_verify_signed_blob"](key, data, hashes, signer)


def verification(loader: Any) -> str:
    """What a `lazy` loader demands of signatures: `off`, `on` or `strict`.

    `off` where it would itself unpickle what nobody signed: where the user wants
    so, or where there is nothing to verify with.
    """
    # The first is 0.25, where 0.24 says `verify` for `on`.
    names = ("_effective_verification", "_effective_mode")
    ask = next(getattr(loader, name) for name in names if hasattr(loader, name))
    demands: str = ask()
    return demands if demands in ("off", "strict") else "on"


def is_trusted(loader: Any, manifest: Any) -> bool:
    """Whether a `lazy` loader takes a manifest as signed by whom it trusts."""
    import msgspec
    from marimo._save.signing import CacheSignatureError
    from marimo._save.stubs.lazy_stub import Cache as Manifest

    demands = verification(loader)
    if demands == "off":
        return True
    try:
        content = msgspec.json.decode(manifest, type=Manifest)
        loader._resolve_effective_signer(content, demands)
    except (CacheSignatureError, msgspec.MsgspecError):
        return False
    return True


def is_plain(manifest: Any) -> bool:
    """Whether `lazy` restores a manifest from what it says alone.

    Then it runs no code of the entry: no pickle, no source, not even an import.
    """
    import msgspec
    from marimo._save.stubs.lazy_stub import Cache as Manifest

    try:
        content = msgspec.json.decode(manifest, type=Manifest)
    except (msgspec.MsgspecError, RecursionError):
        return False
    plain = {"primitive", "special_float", "hash", "type_hint"}
    return not content.ui_defs and not any(
        value is not None and field not in plain
        for item in (*content.defs.values(), content.meta.return_value)
        if item is not None
        for field, value in msgspec.structs.asdict(item).items()
    )


def unlisted(kind: type[Kind], name: str, store: Store) -> Kind:
    """A loader that does not take the place of the session's own of that name.

    Of a name's `lazy` loaders marimo waits for the saves of the last one only, and
    ships its keys.
    """
    from marimo._save.loaders.lazy import _cache_state

    listed = _cache_state().active_lazy_loaders
    before = listed.get(name)
    make: Callable[..., Kind] = kind
    loader = make(name, store=store)
    if before is not None:
        listed[name] = before
    else:
        listed.pop(name, None)
    return loader


def is_stale(loader: BasePersistenceLoader, key: HashKey) -> bool:
    """Whether marimo wants an entry made anew, whatever there is of it."""
    from marimo._save.loaders.lazy import _cache_state

    return str(loader.build_path(key)) in _cache_state().stale_keys
