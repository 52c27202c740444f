"""How much text two cells have in common, by the words of their code.

A word counts the more the fewer cells have it, so that `mo.md` makes no two cells
alike. The extension computes the same in TypeScript: all weights are integers,
whose sums are equal in both languages.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache

from marimo_cellar.notebook.literals import end_of_word, is_word

Words = Mapping[str, int]

# What a word weighs that one cell has; one that n cells have weighs the n-th part.
_FULL_WEIGHT = 5040
# A word that more cells have than this tells nothing.
_TELLING = 8
# Cells of fewer words are too short to be alike.
_FEW_WORDS = 6
# Thousandths of their text that two cells have to share to be alike.
_ALIKE = 400


class Texts:
    """The texts of a notebook's cells, before and after an edit.

    All codes are normalised.
    """

    def __init__(self, before: Iterable[str], after: Iterable[str]) -> None:
        sides = [
            Counter(word for code in side for word in _words_of(code))
            for side in (before, after)
        ]
        # In how many cells each word is.
        self._cells = sides[0] | sides[1]

    def common(self, one: str, other: str) -> int:
        """How many words two cells have in common; 0 unless they are alike."""
        fewest = min(count_words(one), count_words(other))
        if fewest < _FEW_WORDS or self.share(one, other) < _ALIKE:
            return 0
        return shared_words(one, other)

    def share(self, one: str, other: str) -> int:
        """What two cells have in common, in thousandths of what they have on average."""
        words, other_words = _words_of(one), _words_of(other)
        total = self._weigh(words, words) + self._weigh(other_words, other_words)
        return 2000 * self._weigh(words, other_words) // max(1, total)

    def telling_words(self, code: str) -> list[str]:
        """The words by which to look for a cell: no two are alike without one."""
        return [word for word in _words_of(code) if self._cells[word] <= _TELLING]

    def _weigh(self, one: Words, other: Words) -> int:
        return sum(
            min(times, other[word]) * (_FULL_WEIGHT // (self._cells[word] or 1))
            for word, times in one.items()
            if word in other
        )


def count_words(code: str) -> int:
    """How many words a normalised code has."""
    return sum(_words_of(code).values())


def shared_words(one: str, other: str) -> int:
    """How many words two normalised codes have in common."""
    words = _words_of(other)
    return sum(min(times, words.get(word, 0)) for word, times in _words_of(one).items())


@lru_cache(maxsize=8192)
def _words_of(code: str) -> Words:
    """Each word with how often it is there.

    Words are letters, digits, underscores and all beyond ASCII, in strings too.
    """
    words: dict[str, int] = {}
    position = 0
    while position < len(code):
        end = end_of_word(code, position) if is_word(code[position]) else position
        if end > position:
            word = code[position:end]
            words[word] = words.get(word, 0) + 1
        position = end + 1
    return words
