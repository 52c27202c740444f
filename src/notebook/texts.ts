/**
 * How much text two cells have in common, by the words of their code. A word counts the more the
 * fewer cells have it, so that `mo.md` makes no two cells alike. The kernel's side computes the same
 * in Python: all weights are integers, whose sums are equal in both languages.
 */

import { endOfWord } from './literals';

/** Each word of a code with how often it is there. */
type Words = ReadonlyMap<string, number>;

/** What a word weighs that one cell has; one that n cells have weighs the n-th part. */
const fullWeight = 5040;
/** A word that more cells have than this tells nothing. */
const telling = 8;
/** Cells of fewer words are too short to be alike. */
const fewWords = 6;
/** Thousandths of their text that two cells have to share to be alike. */
const alike = 400;

/** The texts of a notebook's cells, before and after an edit. */
export class Texts {
  /** In how many cells each word is. */
  readonly #cells = new Map<string, number>();

  constructor(before: Iterable<{ readonly code: string }>, after: typeof before) {
    for (const side of [before, after]) {
      const cells = new Map<string, number>();
      for (const { code } of side) {
        for (const word of wordsOf(code).keys()) cells.set(word, (cells.get(word) ?? 0) + 1);
      }
      for (const [word, count] of cells) {
        this.#cells.set(word, Math.max(count, this.#cells.get(word) ?? 1));
      }
    }
  }

  /** @returns how many words two cells have in common; 0 unless they are alike. */
  common(one: Text, other: Text): number {
    const fewest = Math.min(countWords(one), countWords(other));
    return fewest < fewWords || this.share(one, other) < alike ? 0 : sharedWords(one, other);
  }

  /** @returns what two cells have in common, in thousandths of what they have on average. */
  share(one: Text, other: Text): number {
    const [words, otherWords] = [wordsOf(one.code), wordsOf(other.code)];
    const total = this.#weigh(words, words) + this.#weigh(otherWords, otherWords);
    return Math.floor((2000 * this.#weigh(words, otherWords)) / Math.max(1, total));
  }

  /** @returns the words by which to look for a cell: no two are alike without one in common. */
  tellingWords({ code }: Text): string[] {
    return [...wordsOf(code).keys()].filter((word) => (this.#cells.get(word) ?? 1) <= telling);
  }

  #weigh(one: Words, other: Words): number {
    let weight = 0;
    for (const [word, times] of one) {
      const both = Math.min(times, other.get(word) ?? 0);
      if (both > 0) weight += both * Math.floor(fullWeight / (this.#cells.get(word) ?? 1));
    }
    return weight;
  }
}

interface Text {
  readonly code: string;
}

/** @returns how many words a cell has. */
export function countWords({ code }: Text): number {
  return count(wordsOf(code), wordsOf(code));
}

/** Whether a cell's code has a word, of whatever meaning. */
export function hasWord({ code }: Text, word: string): boolean {
  return wordsOf(code).has(word);
}

/**
 * Whether a normalised code seems to use what another cell calls so: it has the word, also in a string,
 * which may be formatted or SQL, but not only behind a dot, or as what is assigned or passed by name.
 */
export function usesName(text: Text, name: string): boolean {
  return hasWord(text, name) && new RegExp(`(?<![.\\w])${name}(?!\\w|=[^=])`).test(text.code);
}

/** @returns how many words two cells have in common. */
export function sharedWords(one: Text, other: Text): number {
  return count(wordsOf(one.code), wordsOf(other.code));
}

/** Of the codes that were asked for last: a notebook is looked at again after each edit. */
const known = new Map<string, Words>();
const mostKnown = 8192;

/** Words are letters, digits, underscores and all beyond ASCII, in strings too. */
function wordsOf(code: string): Words {
  const before = known.get(code);
  if (before) return before;
  const words = new Map<string, number>();
  let at = 0;
  while (at < code.length) {
    const end = endOfWord(code, at);
    if (end > at) {
      const word = code.slice(at, end);
      words.set(word, (words.get(word) ?? 0) + 1);
    }
    at = end + 1;
  }
  if (known.size >= mostKnown) known.clear();
  known.set(code, words);
  return words;
}

function count(one: Words, other: Words): number {
  let both = 0;
  for (const [word, times] of one) both += Math.min(times, other.get(word) ?? 0);
  return both;
}
