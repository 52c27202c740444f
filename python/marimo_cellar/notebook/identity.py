"""Which stored cell is which cell of the notebook as it stands now.

A pure function, the same in TypeScript; `test/fixtures/identity.json` is the
table both run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeVar

from msgspec import Struct

if TYPE_CHECKING:
    from marimo_cellar.notebook.texts import Texts

Reason = Literal["session", "code", "text", "name", "defs", "position", "new"]

# Thousandths of their text that two cells share when one of them became the other
# in its place. Found by `npm run identity`, as the bounds in texts.py.
_AKIN = 150


class StoredCell(Struct, frozen=True):
    """A cell the database knows. `cell_id` is ours and stable; `code` is normalised."""

    cell_id: int
    name: str | None
    code: str
    defs: frozenset[str]
    retired: bool = False


class NotebookCell(Struct, frozen=True):
    """A cell of the notebook, in notebook order; `code` is normalised.

    `known_as` is the `cell_id` that the live kernel already gave to its cell,
    which stays while the code changes under it.
    """

    name: str | None
    code: str
    defs: frozenset[str]
    known_as: int | None = None


class Match(Struct, frozen=True):
    """`cell_id` is None for a new cell; `reason` says what it was recognised by."""

    cell_id: int | None
    reason: Reason


class _Claim(NamedTuple):
    """A stored cell, the place of a cell that it may be, and why."""

    cell_id: int
    place: int
    reason: Reason


def match_cells(
    before: Sequence[StoredCell], after: Sequence[NotebookCell]
) -> list[Match]:
    """One match for each cell of `after`, in its order; no id appears twice.

    `before` must be in order of ordinal. The strongest evidence goes first, and what
    comes later sees only what is left over:

    1. The live kernel's own id.
    2. Equal code, with an equal name first. Living cells go before retired ones,
       then the order in the notebook decides.
    3. Pairs that share most of their text, an equal name, or a name that they
       define. Those with most text in common go first, so that of a cell that was
       split, or of cells that were joined, the larger part lives on; where there is
       no such text, the name goes before what is defined.
    4. The place between two neighbours, if nothing speaks against it.
    """
    living = [cell for cell in before if not cell.retired]
    left = {cell.cell_id: cell for cell in living}
    left |= {cell.cell_id: cell for cell in before if cell.retired}
    matches: dict[int, Match] = {}

    def take(claims: Iterable[_Claim]) -> None:
        for cell_id, index, reason in claims:
            if cell_id in left and index not in matches:
                matches[index] = Match(cell_id, reason)
                del left[cell_id]

    take(
        _Claim(cell.known_as, index, "session")
        for index, cell in enumerate(after)
        if cell.known_as is not None
    )
    for keys_of in (_code_and_name, _code):
        take(_equal_pairs(left.values(), after, matches, keys_of))
    if left and len(matches) < len(after):
        # Few runs meet an edited notebook.
        from marimo_cellar.notebook.texts import Texts

        texts = Texts([cell.code for cell in living], [cell.code for cell in after])
        take(_claims(list(left.values()), after, matches, texts))
        take(
            _Claim(cell.cell_id, index, "position")
            for cell, index in _gaps(living, after, matches)
            if _may_stand_for(cell, after[index], texts)
        )
    return [matches.get(index, Match(None, "new")) for index in range(len(after))]


_Cell = StoredCell | NotebookCell


def _code(cell: _Cell) -> list[Hashable]:
    # Cells without code are many and say nothing about each other.
    return [cell.code] if cell.code else []


def _code_and_name(cell: _Cell) -> list[Hashable]:
    return [(name, code) for code in _code(cell) for name in _names(cell)]


def _names(cell: _Cell) -> list[str]:
    """The cell's name, if it has one."""
    return [] if cell.name is None or cell.name == "_" else [cell.name]


def _equal_pairs(
    left: Iterable[StoredCell],
    after: Sequence[NotebookCell],
    matches: Mapping[int, Match],
    keys_of: Callable[[_Cell], Iterable[Hashable]],
) -> list[_Claim]:
    """Pairs of what has an equal key, in order."""
    waiting = _group(left, keys_of)
    return [
        _Claim(waiting[key].pop(0).cell_id, index, "code")
        for index, cell in enumerate(after)
        if index not in matches
        for key in keys_of(cell)
        if waiting.get(key)
    ]


def _claims(
    left: Sequence[StoredCell],
    after: Sequence[NotebookCell],
    matches: Mapping[int, Match],
    texts: Texts,
) -> list[_Claim]:
    """Every pair that has something to be recognised by, those to make first first."""
    places = [index for index in range(len(after)) if index not in matches]
    by_name = _group(places, lambda index: _names(after[index]))
    by_defs = _group(places, lambda index: after[index].defs)
    by_text = _group(places, lambda index: texts.telling_words(after[index].code))
    ranked = []
    for order, cell in enumerate(left):
        named = {index for name in _names(cell) for index in by_name.get(name, ())}
        defs = Counter(index for name in cell.defs for index in by_defs.get(name, ()))
        # What is gone for long is not brought back by mere likeness.
        words = [] if cell.retired else texts.telling_words(cell.code)
        likely = {index for word in words for index in by_text.get(word, ())}
        for index in named | defs.keys() | likely:
            text = texts.common(cell.code, after[index].code)
            reason: Reason = (
                "name" if index in named else "defs" if index in defs else "text"
            )
            if reason == "text" and text == 0:
                continue
            rank = (cell.retired, -text, reason != "name", -defs[index], order, index)
            ranked.append((rank, _Claim(cell.cell_id, index, reason)))
    return [claim for _, claim in sorted(ranked)]


def _gaps(
    living: Sequence[StoredCell],
    after: Sequence[NotebookCell],
    matches: Mapping[int, Match],
) -> list[tuple[StoredCell, int]]:
    """Pairs of cells that are alone between the same two neighbours.

    The notebook's beginning or end may be one of these.
    """
    places = {match.cell_id: index for index, match in matches.items()}
    gaps = []
    for order, cell in enumerate(living):
        if cell.cell_id in places:
            continue
        first, last = order == 0, order == len(living) - 1
        above = -1 if first else places.get(living[order - 1].cell_id)
        below = len(after) if last else places.get(living[order + 1].cell_id)
        if above is None or below != above + 2 or (first and last):
            continue
        if above + 1 not in matches:
            gaps.append((cell, above + 1))
    return gaps


def _may_stand_for(cell: StoredCell, now: NotebookCell, texts: Texts) -> bool:
    """Whether a cell in the place of another may be that one."""
    if (_names(cell) and _names(now)) or (cell.defs and now.defs):
        return False
    return cell.code == now.code or texts.share(cell.code, now.code) >= _AKIN


_Value = TypeVar("_Value")


def _group(
    values: Iterable[_Value], keys_of: Callable[[_Value], Iterable[Hashable]]
) -> dict[Hashable, list[_Value]]:
    groups: dict[Hashable, list[_Value]] = {}
    for value in values:
        for key in keys_of(value):
            groups.setdefault(key, []).append(value)
    return groups
