"""What Cellar adds to marimo beyond keeping results, each as far as this marimo lets us."""

from __future__ import annotations

from collections.abc import Mapping

from marimo_cellar import _marimo
from marimo_cellar.features import attempt
from marimo_cellar.loaders import handover, published
from marimo_cellar.notices import warn_once
from marimo_cellar.values import kinds, mapped
from marimo_cellar.values.batches import batching


def add_all() -> None:
    """Adds it to this process, for all its kernels."""
    _add_to_values()
    _add_to_saves()
    _add_to_keys()
    _save_time()
    _add_to_runs()


def _add_to_values() -> None:
    """What becomes of values as they are saved and restored."""
    attempt(
        "reading large values without a copy",
        "They are copied on their way.",
        lambda: _marimo.replace_deserialisers(mapped.deserialiser, mapped.RESTORING),
    )
    attempt(
        "keeping what marimo's formats lose of a value",
        "They come back as what they derive from.",
        lambda: _marimo.replace_choice_of_format(kinds.choosing),
    )
    attempt(
        "writing long data frames in batches",
        "A preview reads such a frame whole.",
        lambda: _marimo.replace_serialiser("arrow", batching),
    )
    attempt(
        "saving what is of a notebook's own classes while others run beside it",
        "It may be computed again.",
        lambda: _marimo.replace_serialiser("pickle", _marimo.naming),
    )
    attempt(
        "keeping the annotations of functions and classes what they are",
        "They come back as texts.",
        _marimo.compile_as_cells,
    )


def _add_to_saves() -> None:
    """What is signed, shipped and told of saves."""
    attempt(
        "shipping a cache with `marimo export html-wasm --execute`",
        "What is exported computes its results again.",
        lambda: _marimo.replace_manifest_dump(published.publishing),
    )
    attempt(
        "hashing a signed value once as it is saved",
        "It is hashed twice.",
        lambda: _marimo.take_digests(handover.digest_of),
    )
    attempt(
        "signing what a cell printed",
        "It is not shown again.",
        lambda: _marimo.sign_besides(handover.digests),
    )
    attempt(
        "telling the calls of a cached function apart",
        "Their results are listed without what they were called with.",
        lambda: _marimo.note_calls(_say_call),
    )


def _add_to_keys() -> None:
    """What a key stands on."""
    attempt(
        "telling which variable or module a miss is due to",
        "Misses are explained by code alone.",
        _marimo.keep_hashed,
    )
    attempt(
        "telling code apart that marimo takes for the same",
        "A cell may be served what it made before an edit.",
        _marimo.tell_code_apart,
    )
    attempt(
        "hashing what marimo fails to hash",
        "A cached cell that reads such a value fails.",
        _marimo.hash_by_code,
    )
    # Before what adds to the pickles that marimo hashes.
    attempt(
        "hashing sets alike in each process",
        "What is called with one may be computed once more.",
        _marimo.pickle_sets_in_order,
    )
    attempt(
        "hashing alike what was made and what was restored",
        "What is called with it is computed once more.",
        lambda: _marimo.hash_as_it_comes_back(kinds.as_it_comes_back),
    )
    attempt(
        "telling what is in a folder that is watched",
        "Who reads it may be served what it held before.",
        _marimo.hash_watched_folders,
    )
    attempt(
        "telling that numbers were drawn of a generator",
        "A cell may be served what it drew before others did.",
        _marimo.hash_generators_by_state,
    )
    attempt(
        "telling that another cell did something else",
        "A cell may be served what it drew or predicted before.",
        _hash_side_effects,
    )
    attempt(
        "telling that a function was edited within",
        "Who calls it may be served what it returned before.",
        _hash_functions_whole,
    )


def _save_time() -> None:
    """What marimo does again and again, done once or sooner. After what keys stand on: the
    digest of a cell is the one made there."""
    attempt(
        "hashing long lists in a fraction of the time",
        "It takes seconds for a million numbers.",
        _marimo.encode_fast,
    )
    attempt(
        "looking through a notebook's variables once for all calls of a function",
        "Each call takes longer.",
        _marimo.look_through_fast,
    )
    attempt(
        "compiling a notebook once for all that its functions are hashed for",
        "Long notebooks with functions take longer.",
        _marimo.compile_once,
    )
    attempt(
        "digesting the code of a cell once",
        "Notebooks of hundreds of cells take longer.",
        _marimo.digest_cells_once,
    )
    attempt(
        "looking for the cells above a cell once",
        "Notebooks of hundreds of cells take longer.",
        _marimo.digest_closures_once,
    )


def _add_to_runs() -> None:
    """What is done where a cell is served, or runs."""
    attempt(
        "setting again what a cell sets for the process",
        "It is not set where the cell is served.",
        _set_again,
    )
    attempt(
        "showing the rows of a query in the table that they were shown in",
        "A short one has no footer.",
        _marimo.show_rows_as_queried,
    )
    attempt(
        "going on with random numbers after a cell",
        "They begin anew after one that is served.",
        _marimo.go_on_at_random,
    )
    # After the others, by which a cell that would be served may run.
    attempt(
        "showing again what a cell printed",
        "A cell that is served shows its output alone.",
        _marimo.note_printed,
    )
    attempt(
        "making what functions need that came from the cache in part",
        "A cell that calls one may fail.",
        _look_for_stubs_within,
    )
    attempt(
        "running cells for which marimo fails to make a key",
        "They fail.",
        lambda: _marimo.run_without_key(_without_key),
    )


def _hash_side_effects() -> None:
    from marimo_cellar.session.settings_made import is_subject, made_by, package_of

    _marimo.hash_side_effects(made_by, is_subject, package_of)


def _hash_functions_whole() -> None:
    # Of marimo it takes names that nothing else needs.
    from marimo_cellar._marimo import functions

    functions.hash_functions_whole()


def _look_for_stubs_within() -> None:
    from marimo_cellar._marimo import functions

    functions.look_for_stubs_within()


def _set_again() -> None:
    from marimo_cellar.session.changing import set_by

    _marimo.set_again(set_by)


def _say_call(arguments: Mapping[str, object]) -> str | None:
    from marimo_cellar.entries.arguments import written

    return written(arguments)


def _without_key(code: str, error: BaseException) -> None:
    first = next(iter(code.strip().splitlines()), "")
    warn_once(
        "key",
        # Cells that build on it fail in the same way.
        repr(error),
        f"marimo cannot tell what the cell that begins with {first!r} depends on "
        f"({error!r}). It runs each time, as do those that build on it.",
    )
