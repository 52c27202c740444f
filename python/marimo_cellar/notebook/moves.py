"""What moved: a notebook to another path, a cell to another notebook.

Pure functions, the same in TypeScript; `test/fixtures/moves.json` is the table
both run.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from marimo_cellar.notebook.identity import NotebookCell, StoredCell, match_cells
from marimo_cellar.notebook.texts import count_words, shared_words

# Two equal cells, or one of this many words, are more than chance.
_TELLING_CELLS = 2
_TELLING_WORDS = 12
# A cell of fewer words looks like many others.
_FEW_WORDS = 6


class KnownApp(Struct, frozen=True):
    """A notebook the database knows, with its cells in order of ordinal.

    `there` says whether its file is.
    """

    app_id: int
    there: bool
    cells: Sequence[StoredCell]


def moved_app(apps: Sequence[KnownApp], cells: Sequence[NotebookCell]) -> int | None:
    """The app that a notebook was which stands at a path that is not known.

    That is one whose file is gone, and that shares with the notebook more than half
    of what either has, in words. While the file is there, the notebook is a copy of
    it. Where several qualify, it is the one that shares most, the first of equals.
    """
    size = sum(count_words(cell.code) for cell in cells)
    best: tuple[int, int] | None = None
    for app in apps:
        living = [cell for cell in app.cells if not cell.retired]
        if app.there or not living:
            continue
        codes = {cell.cell_id: cell.code for cell in living}
        shared = equal = 0
        for cell, match in zip(cells, match_cells(living, cells), strict=True):
            if match.cell_id is None or match.reason == "position":
                continue
            shared += shared_words(codes[match.cell_id], cell.code)
            equal += match.reason == "code"
        most = max(size, sum(map(count_words, codes.values())))
        if equal < _TELLING_CELLS and shared < _TELLING_WORDS:
            continue
        if 2 * shared > most and (best is None or shared > best[0]):
            best = (shared, app.app_id)
    return best[1] if best is not None else None


def carried_cells(
    gone: Sequence[StoredCell], cells: Sequence[NotebookCell]
) -> list[int | None]:
    """For each new cell of a notebook, the cell of another one that it was.

    `gone` are cells that their notebooks have no more. Only equal code is evidence,
    and only where there is enough of it.
    """
    waiting: dict[str, list[int]] = {}
    for one in gone:
        if count_words(one.code) >= _FEW_WORDS:
            waiting.setdefault(one.code, []).append(one.cell_id)
    return [
        waiting[cell.code].pop(0) if waiting.get(cell.code) else None for cell in cells
    ]
