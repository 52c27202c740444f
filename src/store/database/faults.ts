import { CacheError } from './CacheError';

/** Primary result codes, from https://sqlite.org/rescode.html. */
const code = {
  busy: 5,
  locked: 6,
  noMemory: 7,
  readOnly: 8,
  inputOutput: 10,
  corrupt: 11,
  full: 13,
  cannotOpen: 14,
  protocol: 15,
  tooBig: 18,
  notADatabase: 26,
} as const;

/**
 * @returns the error that people see; what is not SQLite's, or a mistake in our own statements, is
 * passed on as it is.
 */
export function asCacheError(error: Error, path: string): Error {
  const { errno } = error as { errno?: unknown };
  const told = { cause: error };
  switch (typeof errno === 'number' ? errno & 0xff : undefined) {
    case code.busy:
    case code.locked:
    case code.protocol:
      return new CacheError(
        'busy',
        path,
        `Another process has kept ${path} locked. Try again when its run has ended.`,
        told,
      );
    case code.readOnly:
      return new CacheError(
        'readOnly',
        path,
        `${path} cannot be changed: the file or its folder is not writable. ` +
          'Nothing was removed. Give yourself write permission and try again.',
        told,
      );
    case code.corrupt:
      return new CacheError(
        'damaged',
        path,
        `${path} is damaged (${error.message}). ` +
          'Run a notebook that uses it: what is whole is taken into a new file, the rest computed again.',
        told,
      );
    case code.full:
      return new CacheError(
        'full',
        path,
        `The disk that holds ${path} is full. Free some space and try again.`,
        told,
      );
    case code.notADatabase:
      return new CacheError(
        'notADatabase',
        path,
        `${path} is not an SQLite database. ` +
          'Move or delete the file: the next run begins a cache in its place.',
        told,
      );
    case code.inputOutput:
    case code.cannotOpen:
    case code.noMemory:
    case code.tooBig:
      return new CacheError(
        'unreadable',
        path,
        `${path} cannot be opened or read (${error.message}). Check its permissions and its disk.`,
        told,
      );
    case undefined:
    default:
      return error;
  }
}

/** The same for what the file system says of a file or folder of ours. */
export function asFileError(error: unknown, path: string): unknown {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new CacheError('full', path, `The disk that holds ${path} is full.`, { cause: error });
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new CacheError('readOnly', path, `${path} is not writable.`, { cause: error });
    case undefined:
    default:
      return error;
  }
}
