/**
 * Why a cache could not be opened, read or changed:
 * - `missing`: no file, or a database in which nothing has been laid out yet;
 * - `notADatabase`: the file is something else;
 * - `foreign`: an SQLite database that is not ours;
 * - `newer`: a later Cellar made it, with a format that this one does not read (or not write);
 * - `damaged`: SQLite, or our reading of its rows, found it broken;
 * - `unreadable`: the system refuses to open or read it;
 * - `readOnly`: it can be read but not changed;
 * - `busy`: other processes held it for longer than anyone should wait;
 * - `full`: no room left on the disk;
 * - `unsupported`: SQLite itself does not load on this machine, see {@link UnsupportedError};
 * - `closed`: the loader was closed before the call.
 */
export const cacheErrorKinds = [
  'missing',
  'notADatabase',
  'foreign',
  'newer',
  'damaged',
  'unreadable',
  'readOnly',
  'busy',
  'full',
  'unsupported',
  'closed',
] as const;
export type CacheErrorKind = (typeof cacheErrorKinds)[number];

/** A fault of a cache. The message says what happened, to which file, and the way out. */
export class CacheError extends Error {
  override readonly name: string = 'CacheError';

  constructor(
    readonly kind: CacheErrorKind,
    /** Absolute path of the database, or of the file beside it that is at fault. */
    readonly path: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The native module that holds SQLite does not load here: another platform, or an older C library. */
export class UnsupportedError extends CacheError {
  override readonly name = 'UnsupportedError';

  constructor(
    path: string,
    /** As Node names it: `linux`, `win32`, `darwin`. */
    readonly platform: string,
    /** As Node names it: `x64`, `arm64`. */
    readonly arch: string,
    /** The npm package that could not be loaded. */
    readonly packageName: string,
    options?: ErrorOptions,
  ) {
    const why =
      options?.cause instanceof Error ? firstLine(options.cause.message) : 'unknown cause';
    super(
      'unsupported',
      path,
      `${packageName} does not load on ${platform}-${arch}, so ${path} cannot be read (${why}). ` +
        `Install the build of Cellar for ${platform}-${arch}.`,
      options,
    );
  }
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? text;
}
