/**
 * Why a value cannot be shown, as callers tell it apart:
 * - `damaged`: the bytes are not what their format says they must be;
 * - `unsupported`: the bytes may be right, but use something that is not read here;
 * - `tooLarge`: showing them would take more memory than a preview may;
 * - `unreadable`: the file is missing, is not a plain file, or may not be read;
 * - `crashed`: the worker thread ended while it worked;
 * - `closed`: there is no value open, or the worker was closed.
 */
export type DecodeErrorKind =
  'damaged' | 'unsupported' | 'tooLarge' | 'unreadable' | 'crashed' | 'closed';

/** A value that cannot be shown. The message is a plain sentence about what is wrong, and where. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';

  constructor(
    readonly kind: DecodeErrorKind,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
