/** What things of a cache are called before people, and in which order they stand. */

import * as l10n from '@vscode/l10n';
import { cut } from './markdown';

/** Characters of a title. */
const longest = 80;

/**
 * @returns the first line that is code, or else the first that says anything, or of a cell of Markdown the
 * first line of that; cut where it is long. As `title_of` in python/marimo_cellar/notebook/titles.py.
 */
export function firstLine(code: string): string | undefined {
  const lines = code.split('\n').map((line) => line.trim());
  const first =
    firstOfMarkdown(code) ??
    lines.find((line) => line !== '' && !line.startsWith('#')) ??
    lines.find((line) => line !== '');
  return first === undefined ? undefined : cut(first, longest);
}

/** A heading without its marks: `mo.md("""` would be the title of each of these cells. */
function firstOfMarkdown(code: string): string | undefined {
  const call = /^\s*mo\.md\(\s*[a-z]{0,2}("""|'''|"|')[\s#]*([^\n]*)/i.exec(code);
  const [, quotes, line] = call ?? [];
  const text = quotes === undefined ? undefined : line?.split(quotes, 1)[0]?.trim();
  return text === '' ? undefined : text;
}

/** What people call a value: a variable by its own name. */
export function valueName(name: string): string {
  switch (name) {
    case 'return':
      return l10n.t('output');
    case 'console output':
      return l10n.t('console output');
    case 'random state':
      return l10n.t('random state');
    case 'ui':
      return l10n.t('UI elements');
    case 'manifest':
      return l10n.t('manifest');
    default:
      return name;
  }
}

/** What belongs to no notebook's file is kept under these names; `undefined` of one that has a file. */
export function collectionName(path: string): string | undefined {
  switch (path.slice(path.lastIndexOf('/') + 1)) {
    case 'imported':
      return l10n.t('imported from files of marimo');
    case 'served':
      return l10n.t('from kernels that were served');
    case 'unsaved':
      return l10n.t('notebooks without a file');
    default:
      return undefined;
  }
}

/**
 * Variables by name, then what nobody named: the outputs, UI elements. Behind them the cell's own variables,
 * which are means to these ends, and what is no value of the user's.
 */
export function inReadingOrder<T extends { readonly name: string }>(items: readonly T[]): T[] {
  const rank = ({ name }: T): number => unnamed.indexOf(name.startsWith('_') ? own : name);
  return [...items].sort((a, b) => rank(a) - rank(b) || compareNames(a.name, b.name));
}

/** Stands for the variables that begin with an underscore, which no other cell can use. */
const own = '_';

const unnamed = ['return', 'console output', 'ui', own, 'random state', 'manifest'];

/** Those that the user made or saw, in reading order: not what a cell left behind for others, nor the manifest. */
export function valuesOf<T extends { readonly name: string }>(items: readonly T[]): T[] {
  return inReadingOrder(items.filter(({ name }) => name !== 'random state' && name !== 'manifest'));
}

/** Numbers within names by their value, in the order of no language in particular. */
export function compareNames(a: string, b: string): number {
  return collator.compare(a, b);
}

const collator = new Intl.Collator('en', { numeric: true });
