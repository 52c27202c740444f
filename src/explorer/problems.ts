import * as l10n from '@vscode/l10n';
import { CacheError, type CacheErrorKind, UnsupportedError } from '../store/CacheError';

/** A fault of a database in words for people. */
export interface Problem {
  readonly kind: CacheErrorKind | 'unknown';
  readonly title: string;
  /** What happened, to which file; the store's own words. */
  readonly message: string;
  /** What can be done about it. */
  readonly wayOut: string;
  /** Nothing of the cache can be used, as against a passing or partial trouble. */
  readonly severe: boolean;
}

export function problemOf(error: unknown): Problem {
  const message = error instanceof Error ? error.message : String(error);
  if (!(error instanceof CacheError)) {
    return {
      kind: 'unknown',
      title: l10n.t('This cache cannot be read'),
      message,
      wayOut: l10n.t('The log has the details. Refresh tries again.'),
      severe: true,
    };
  }
  const { kind } = error;
  switch (kind) {
    case 'damaged':
    case 'notADatabase':
      return {
        kind,
        title: kind === 'damaged' ? l10n.t('Damaged cache') : l10n.t('This file is not a database'),
        message,
        wayOut: l10n.t(
          'Stop the kernels that use it, then delete cache.db, its -wal and -shm files and the blobs folder beside it. Nothing but the time to compute its results again is lost.',
        ),
        severe: true,
      };
    case 'foreign':
      return {
        kind,
        title: l10n.t('A database of another program'),
        message,
        wayOut: l10n.t(
          'Cellar leaves it alone. Move it elsewhere if marimo is to keep results in this folder.',
        ),
        severe: true,
      };
    case 'newer':
      return {
        kind,
        title: l10n.t('This cache needs a newer Cellar'),
        message,
        wayOut: l10n.t('Update the Cellar extension. The cache is left as it is until then.'),
        severe: true,
      };
    case 'unsupported': {
      const platform =
        error instanceof UnsupportedError
          ? `${error.platform}-${error.arch}`
          : `${process.platform}-${process.arch}`;
      return {
        kind,
        title: l10n.t('SQLite does not load on {0}', platform),
        message,
        wayOut: l10n.t('Install the build of Cellar for {0}.', platform),
        severe: true,
      };
    }
    case 'unreadable':
      return {
        kind,
        title: l10n.t('This cache may not be read'),
        message,
        wayOut: l10n.t('Give your user permission to read the file and its folder, then refresh.'),
        severe: true,
      };
    case 'readOnly':
      return {
        kind,
        title: l10n.t('This cache cannot be changed'),
        message,
        wayOut: l10n.t('Give your user permission to write to the file and its folder.'),
        severe: false,
      };
    case 'busy':
      return {
        kind,
        title: l10n.t('This cache is busy'),
        message,
        wayOut: l10n.t('Another process is writing to it for long. Try again in a moment.'),
        severe: false,
      };
    case 'full':
      return {
        kind,
        title: l10n.t('The disk is full'),
        message,
        wayOut: l10n.t('Free some space on the disk, then try again.'),
        severe: false,
      };
    case 'missing':
    case 'closed':
      return {
        kind,
        title: l10n.t('This cache is gone'),
        message,
        wayOut: l10n.t('Refresh to look again.'),
        severe: false,
      };
  }
}
