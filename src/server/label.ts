/** How a cell stands to the cache in a few words, for a lens above it or a status below it. */

import * as l10n from '@vscode/l10n';
import type { CellState } from '../protocol/cells';
import { formatWorth, type Worth } from '../protocol/saving';
import type { CacheError } from '../store/database/CacheError';
import type { ChangedTitle, OutdatedFile } from './hover';
import { plainText } from '../protocol/markdown';

/** What a label tells of a cell. */
export interface Labelled {
  readonly state: CellState;
  readonly changed: ChangedTitle | undefined;
  /** Why the cache cannot be asked. */
  readonly problem: CacheError | undefined;
  /** What it took to compute what would be served. */
  readonly saves: Worth;
  /** A file that was read for it, and has changed since. */
  readonly outdated?: OutdatedFile | undefined;
}

/** @returns plain text without a full stop: `cached, saves 34 s`, `changed upstream: load` */
export function labelOf(
  { state, changed, problem, saves, outdated }: Labelled,
  locale: string,
): string {
  if (problem && problem.kind !== 'missing') return l10n.t('cache not readable');
  const saved = formatWorth(saves, least, locale);
  switch (state) {
    case 'fresh':
      if (outdated) return labelOfOutdated(outdated);
      return saved === undefined ? l10n.t('cached') : l10n.t('cached, saves {0}', saved);
    case 'changedHere':
      return l10n.t('changed here');
    case 'changedUpstream': {
      const title = plainText(changed?.title ?? '');
      return changed?.gone === true
        ? l10n.t('gone upstream: {0}', title)
        : l10n.t('changed upstream: {0}', title);
    }
    case 'changedModule': {
      const name = plainText(baseName(changed?.title ?? ''));
      return changed?.gone === true
        ? l10n.t('gone module: {0}', name)
        : l10n.t('changed module: {0}', name);
    }
    case 'changedFile':
      return l10n.t('changed file: {0}', plainText(baseName(changed?.title ?? '')));
    case 'obsolete':
      return l10n.t('cached by another marimo');
    case 'disabled':
      return changed === undefined
        ? l10n.t('disabled')
        : l10n.t('disabled upstream: {0}', plainText(changed.title));
    case 'off':
      return l10n.t('cached, but caching is off');
    case 'again':
      return l10n.t('runs each time');
    case 'notCacheable':
      return l10n.t('not cacheable');
    case 'unfinished':
      return l10n.t('did not finish');
    case 'noRoom':
      return l10n.t('not saved, the disk was full');
    case 'unknown':
      return l10n.t('cached, its code is not recorded');
    case 'neverCached':
      return l10n.t('not cached');
  }
}

function labelOfOutdated({ path, changedAt }: OutdatedFile): string {
  const name = plainText(baseName(path));
  return changedAt === undefined
    ? l10n.t('cached, but {0} is gone', name)
    : l10n.t('cached, but {0} changed', name);
}

/** The lens is short: the hover has all of the path. */
function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Seconds below which the saving is not worth a word. */
const least = 0.01;
