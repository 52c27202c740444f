import { DecodeError } from '../formats/DecodeError';
import type { DecodeErrorKind } from '../formats/DecodeError';
import type { Problem } from '../protocol/preview';
import { CacheError } from '../store/database/CacheError';
import type { Lost } from '../store/rows';
import { lostMessage, problems, waysOut } from './strings';

/** A value whose bytes cannot be had, or are wrong. */
export class LostValue extends Error {
  override readonly name = 'LostValue';

  constructor(
    readonly why: Lost['why'],
    /** Where its bytes should be: a blob file's path, or the database's. */
    readonly file: string,
  ) {
    super(`${file}: ${why}`);
  }
}

/**
 * @param file where the value's bytes are
 * @returns what the user is told: what happened, to which file, and the way out
 */
export function problemOf(error: unknown, file: string | undefined): Problem {
  if (error instanceof LostValue) {
    return { message: lostMessage(error.why), wayOut: waysOut.runAgain(), file: error.file };
  }
  if (error instanceof DecodeError) {
    return { message: error.message, wayOut: wayOutOf(error.kind), file };
  }
  if (error instanceof CacheError) {
    // A fault of a cache names its file and the way out itself.
    return { message: error.message, wayOut: '', file: undefined };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { message: problems.unforeseen(message), wayOut: waysOut.tryAgain(), file };
}

function wayOutOf(kind: DecodeErrorKind): string {
  switch (kind) {
    case 'damaged':
      return waysOut.runAgain();
    case 'unsupported':
      return waysOut.update();
    case 'tooLarge':
      return waysOut.readInPython();
    case 'unreadable':
      return waysOut.allowReading();
    case 'crashed':
      return waysOut.tryAgain();
    case 'closed':
      return waysOut.openAgain();
  }
}
