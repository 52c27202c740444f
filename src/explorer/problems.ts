import * as l10n from '@vscode/l10n';
import { CacheError, type CacheErrorKind, UnsupportedError } from '../store/database/CacheError';

/** A fault of a database in words for people. */
export interface Problem {
  readonly kind: CacheErrorKind | 'unknown';
  readonly title: string;
  /** What happened, to which file, and the way out: the store's own words. */
  readonly message: string;
  /** It will not pass by itself. */
  readonly lasting: boolean;
}

export function problemOf(error: unknown): Problem {
  const message = error instanceof Error ? error.message : String(error);
  const kind = error instanceof CacheError ? error.kind : 'unknown';
  const passing: readonly Problem['kind'][] = ['busy', 'full', 'missing', 'closed'];
  return { kind, title: titleOf(kind, error), message, lasting: !passing.includes(kind) };
}

function titleOf(kind: Problem['kind'], error: unknown): string {
  switch (kind) {
    case 'damaged':
      return l10n.t('Damaged cache');
    case 'notADatabase':
      return l10n.t('This file is not a database');
    case 'foreign':
      return l10n.t('A database of another program');
    case 'newer':
      return l10n.t('This cache needs a newer Cellar');
    case 'unsupported':
      return error instanceof UnsupportedError
        ? l10n.t('{0} does not load on {1}', error.packageName, `${error.platform}-${error.arch}`)
        : l10n.t('SQLite does not load here');
    case 'unreadable':
      return l10n.t('This cache may not be read');
    case 'readOnly':
      return l10n.t('This cache cannot be changed');
    case 'busy':
      return l10n.t('This cache is busy');
    case 'full':
      return l10n.t('The disk is full');
    case 'missing':
    case 'closed':
      return l10n.t('This cache is gone');
    case 'unknown':
      return l10n.t('This cache cannot be read');
  }
}
